// A little work that costs one visitor nothing and many programs a lot: looks for a number that,
// behind the visit, gives a hash which begins with zeros. Done while people fill in the form.
{
  const field = document.querySelector("[name=_proof]");
  const { visit, bits } = field.dataset;
  const solve = async () => {
    const encoder = new TextEncoder();
    for (let number = 0; ; number++) {
      const hash = await crypto.subtle.digest("SHA-256", encoder.encode(visit + ":" + number));
      if (new DataView(hash).getUint32(0) >>> (32 - bits) === 0) {
        field.value = number;
        return;
      }
    }
  };
  // Only pages that came over an encrypted connection have it.
  const solved = window.crypto && crypto.subtle && solve();
  field.form.addEventListener("submit", async (event) => {
    if (field.value || !solved) return;
    event.preventDefault();
    await solved;
    field.form.requestSubmit(event.submitter);
  });
}
