import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The app is served by `vocative serve` from the package; `npm run dev` talks to one on its usual port.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/vocative/server/static",
    emptyOutDir: true,
    target: "es2022",
    // Keeps light-dark() as it is; the polyfill does not know our colour scheme attribute.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8750" } },
});
