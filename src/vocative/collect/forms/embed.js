// Shows forms in pages of other sites: where this script stands, or over the page.
// <script src="https://…/f.js" data-form="newsletter" async></script>
// data-popup: over the page, after data-after seconds or when somebody presses an element with
// data-vocative-form="newsletter".
(() => {
  const tag = document.currentScript;
  const { form, popup, after, lang, title = "Form", close = "×" } = tag.dataset;
  const origin = new URL(tag.src).origin;
  const shown = "vocative.form." + form;
  const DAYS = 30 * 86400000;

  // Storage may be forbidden.
  const read = (name) => {
    try {
      return JSON.parse(localStorage.getItem(name));
    } catch {
      return null;
    }
  };
  const remember = () => {
    try {
      localStorage.setItem(shown, JSON.stringify(Date.now()));
    } catch {}
  };

  const frame = () => {
    const address = new URL(origin + "/f/" + encodeURIComponent(form));
    address.searchParams.set("framed", "1");
    if (lang) address.searchParams.set("lang", lang);
    // Whom /v.js knows the visitor as, if it may know anybody.
    const id = read("vocative.id");
    if (id) address.searchParams.set("anonymous", id);
    const made = document.createElement("iframe");
    made.src = address;
    made.title = title;
    made.style.cssText = "border:0;width:100%;display:block;min-height:12rem;color-scheme:normal";
    addEventListener("message", ({ source, origin: from, data }) => {
      if (source !== made.contentWindow || from !== origin || data.vocative !== form) return;
      made.style.height = Math.min(Math.max(+data.height || 0, 100), 20000) + "px";
      if (data.done) {
        remember();
        tag.dispatchEvent(new CustomEvent("vocative:sent", { bubbles: true, detail: { form } }));
      }
    });
    return made;
  };

  const open = () => {
    if (document.querySelector("dialog[open]")) return;
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", title);
    dialog.style.cssText =
      "border:0;border-radius:1rem;padding:0;width:min(36rem,94vw);max-height:92vh;overflow:auto";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = close;
    button.setAttribute("aria-label", close === "×" ? "Close" : close);
    button.style.cssText =
      "position:sticky;top:0;float:right;font:1.5rem/1 sans-serif;padding:.6rem .9rem;border:0;" +
      "background:none;color:inherit;cursor:pointer";
    button.onclick = () => dialog.close();
    dialog.onclose = () => {
      remember();
      dialog.remove();
    };
    dialog.append(button, frame());
    document.body.append(dialog);
    dialog.showModal();
  };

  const start = () => {
    if (popup === undefined) return tag.after(frame());
    document.addEventListener("click", (event) => {
      const pressed = event.target.closest("[data-vocative-form]");
      if (!pressed || pressed.dataset.vocativeForm !== form) return;
      event.preventDefault();
      open();
    });
    if (after !== undefined && Date.now() - (read(shown) || 0) > DAYS) setTimeout(open, +after * 1000);
  };
  // /v.js may still be on its way; by the time the page is loaded it knows its visitor.
  if (document.readyState === "complete" || !window.vocative) start();
  else addEventListener("load", start);
})();
