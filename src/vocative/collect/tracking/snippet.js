// What a shop's pages load: page, track, identify, forms and the visitor's consent.
// Served as it is, save for comments and indents: keep it below 5 kB, for browsers since 2020.
(() => {
  const tag = document.currentScript || document.querySelector('script[src*="/v.js?"]');
  const source = new URL(tag.src);
  const key = source.searchParams.get("key");
  // "ask": nothing is kept or sent before consent is given.
  const ask = source.searchParams.get("consent") === "ask";
  const address = source.origin + source.pathname.replace("v.js", "v1/batch");
  const called = (window.vocative && window.vocative.q) || [];
  const memory = {};
  let waiting = [];
  let timer = 0;
  let pause = 1000;
  let sending = false;

  // Storage may be forbidden; a visit then lasts as long as its page.
  const read = (name) => {
    try {
      return JSON.parse(localStorage.getItem("vocative." + name));
    } catch {
      return memory[name];
    }
  };
  const keep = (name, value) => {
    memory[name] = value;
    try {
      if (value === undefined) localStorage.removeItem("vocative." + name);
      else localStorage.setItem("vocative." + name, JSON.stringify(value));
    } catch {}
  };
  const newId = () =>
    crypto.randomUUID ? crypto.randomUUID() : Date.now() + "-" + Math.random().toString(36).slice(2);
  const who = () => {
    if (!read("id")) keep("id", newId());
    return { anonymousId: read("id"), userId: read("user") || null };
  };
  const consent = () => read("consent") || (ask ? {} : undefined);
  const allowed = () => !consent() || Object.values(consent()).includes(true);

  const add = (event) => {
    const { title, referrer } = document;
    waiting.push({
      messageId: newId(),
      timestamp: new Date().toISOString(),
      context: {
        page: { url: location.href, path: location.pathname, title, referrer },
        locale: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        library: { name: "vocative.js" },
      },
      ...event,
      ...(allowed() && who()),
    });
    later(50);
  };
  const later = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(send, wait);
  };
  // What came up before there was consent has nobody's name until now.
  const take = () => {
    const unsent = read("unsent") || [];
    const told = waiting.map((event) => ({
      ...who(),
      ...event,
      context: { ...event.context, consent: { categoryPreferences: consent() } },
    }));
    waiting = [];
    const all = unsent.concat(told).slice(-200);
    keep("unsent", all);
    // What outlives its page may hold 64 kB.
    return all.slice(0, 50);
  };
  const body = (batch) => JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch });

  const send = async () => {
    if (sending || !allowed()) return;
    const batch = take();
    if (!batch.length) return;
    let answer;
    sending = true;
    try {
      // Text needs no question beforehand whether this page may ask.
      answer = await fetch(address, { method: "POST", body: body(batch), keepalive: true });
    } catch {}
    sending = false;
    if (answer && answer.status !== 429 && answer.status < 500) {
      const sent = new Set(batch.map((event) => event.messageId));
      const left = (read("unsent") || []).filter((event) => !sent.has(event.messageId));
      keep("unsent", left);
      pause = 1000;
      if (waiting.length || left.length) later(50);
    } else {
      const asked = answer && +answer.headers.get("Retry-After") * 1000;
      later(asked || pause);
      pause = Math.min(pause * 2, 60000);
    }
  };

  const commands = {
    page: (name, properties) => add({ type: "page", name, properties }),
    track: (event, properties) => add({ type: "track", event, properties }),
    identify: (user, traits) => {
      if (user && typeof user === "object") [user, traits] = [undefined, user];
      if (user) memory.user = user;
      if (user && allowed()) keep("user", user);
      add({ type: "identify", traits });
    },
    consent: (choices) => {
      const given = typeof choices === "object" ? choices : { all: !!choices };
      keep("consent", given);
      if (allowed()) {
        if (memory.user) keep("user", memory.user);
        return later(0);
      }
      waiting = [];
      for (const name of ["id", "user", "unsent"]) keep(name);
    },
    reset: () => {
      for (const name of ["id", "user"]) keep(name);
    },
  };
  const call = ([command, ...told]) => commands[command] && commands[command](...told);

  // A form says what it is: <form data-vocative="newsletter">.
  addEventListener(
    "submit",
    ({ target }) => {
      const form = target.dataset.vocative;
      if (form === undefined) return;
      const traits = {};
      for (const { name, type, value, checked, autocomplete } of target.elements) {
        if (!name || /password|file|submit|button/.test(type) || /^cc-/.test(autocomplete)) continue;
        if (type === "checkbox") traits[name] = checked;
        else if (value && (type !== "radio" || checked)) traits[name] = value;
      }
      commands.identify(traits);
      commands.track("Form Submitted", { form });
    },
    true,
  );
  addEventListener("pagehide", () => {
    if (!allowed()) return;
    const batch = take();
    if (batch.length) navigator.sendBeacon(address, body(batch));
  });

  window.vocative = (...command) => call(command);
  [...called].forEach(call);
  later(0);
})();
