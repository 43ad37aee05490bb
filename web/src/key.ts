// The API key of a server that others may reach: kept for this tab, until it is closed.
const NAME = "vocative-api-key";

export const apiKey = () => sessionStorage.getItem(NAME);
export const keepApiKey = (key: string) => sessionStorage.setItem(NAME, key);
