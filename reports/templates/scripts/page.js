// Light and dark: the reader's choice over the system's, kept where the browser lets a page keep anything.
{
  const root = document.documentElement;
  const remember = (theme) => { try { localStorage.setItem("maskaudit-theme", theme); } catch { /* private */ } };
  const recall = () => { try { return localStorage.getItem("maskaudit-theme"); } catch { return null; } };
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = button("", () => { root.dataset.theme = dark() ? "light" : "dark"; remember(root.dataset.theme); label(); });
  const label = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  if (["light", "dark"].includes(recall())) root.dataset.theme = recall();
  theme.title = "Light or dark page";
  label();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);

  // Copying: where the clipboard is closed to the page, the text is selected instead.
  const copied = async (pressed, text, source) => {
    const label = pressed.textContent;
    try {
      await navigator.clipboard.writeText(text);
      pressed.textContent = "Copied";
    } catch {
      if (source) getSelection().selectAllChildren(source);
      else prompt("Copy this link:", text);
      pressed.textContent = source ? "Selected" : label;
    }
    setTimeout(() => { pressed.textContent = label; }, 2000);
  };
  each("pre[data-copy]", (text) => {
    const copy = button("Copy", () => copied(copy, text.textContent.trim(), text));
    copy.ariaLabel = `Copy ${text.dataset.copy}`;
    text.before(make("div", { className: "tools" }, copy));
  });

  // The link to the view: to the last heading above the middle of the screen, with all that is set.
  const seen = () => [...reading().querySelectorAll("h2[id],h3[id],h4[id],article[id]")]
    .filter((it) => it.getClientRects().length && it.getBoundingClientRect().top < innerHeight / 2).pop();
  const link = button("Copy link", () => copied(link, state.link(scrollY > 0 && reading() ? (seen() || {}).id || "" : "")));
  link.title = "To what you see: the place, and what is open, sorted, filtered and picked";
  document.querySelector(".way").append(make("div", { className: "bar" }, link, button("Print", () => print()), theme));

  // The part that is being read is marked in the contents.
  const entries = new Map([...document.querySelectorAll(".contents a")].map((it) => [it.getAttribute("href").slice(1), it]));
  const sections = [...document.querySelectorAll("main > section")].filter((it) => entries.has(it.getAttribute("aria-labelledby")));
  const reading = () => sections.filter((it) => it.getClientRects().length && it.getBoundingClientRect().top < innerHeight / 3).pop();
  const mark = () => {
    const now = reading();
    entries.forEach((it) => it.removeAttribute("aria-current"));
    if (now) entries.get(now.getAttribute("aria-labelledby")).setAttribute("aria-current", "true");
  };
  let due = false;
  addEventListener("scroll", () => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; mark(); });
  }, { passive: true });
  mark();
  // Where the contents lie over the page, they are folded when one has been chosen.
  each(".contents a", (it) => it.addEventListener("click", () => { it.closest("details").open = false; }));
}

// A term's meaning opens beside it.
each(".term", (term) => term.addEventListener("click", (event) => {
  const meaning = document.getElementById(term.getAttribute("aria-describedby"));
  if (!meaning.showPopover) return;
  event.preventDefault();
  if (!meaning.matches(":popover-open")) meaning.showPopover({ source: term });
}));

// Dots show their template when pointed at; a click leads to its line in the list.
each(".card [data-to]", (dot) => {
  dot.classList.add("live");
  dot.addEventListener("click", () => { location.hash = dot.dataset.to; });
});
