"use strict";
(() => {
  const make = (tag, props, ...children) => {
    const made = Object.assign(document.createElement(tag), props);
    made.append(...children);
    return made;
  };

  // Light and dark: the reader's choice over the system's, kept where the browser lets a page keep anything.
  const root = document.documentElement;
  const remember = (theme) => { try { localStorage.setItem("maskaudit-theme", theme); } catch { /* private */ } };
  const recall = () => { try { return localStorage.getItem("maskaudit-theme"); } catch { return null; } };
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = make("button", { className: "tool theme", type: "button" });
  const label = () => { theme.textContent = dark() ? "Light page" : "Dark page"; };
  if (["light", "dark"].includes(recall())) root.dataset.theme = recall();
  theme.onclick = () => { root.dataset.theme = dark() ? "light" : "dark"; remember(root.dataset.theme); label(); };
  label();
  document.querySelector("header").prepend(theme);

  // Dots: what is pointed at is said below the strip; a click leads to its line in the list.
  for (const card of document.querySelectorAll(".card")) {
    const hint = card.querySelector(".hint");
    if (!hint) continue;
    hint.hidden = false;
    hint.textContent = "Point at a dot to see its wording.";
    for (const dot of card.querySelectorAll("[data-to]")) {
      dot.classList.add("live");
      dot.addEventListener("pointerenter", () => { hint.textContent = dot.textContent.trim(); });
      dot.addEventListener("click", () => { card.querySelector("details").open = true; location.hash = dot.dataset.to; });
    }
  }

  // Tables: sort by any column, filter by word, download.
  const number = (text) => {
    const found = /[\d.,]+/.exec(text);
    if (/^same( \[|$)/.test(text)) return 0;
    if (!found) return null;
    const value = parseFloat(found[0].replaceAll(",", "")) * (text.startsWith("<") ? 0.5 : 1);
    return /^(over )?[\d.,]+\u00d7 less|^\u2212/.test(text) ? -value : value;
  };
  const compare = (a, b, sign) => {
    const [x, y] = [number(a), number(b)];
    if (x === null && y === null) return sign * a.localeCompare(b);
    if (x === null || y === null) return x === null ? 1 : -1;
    return sign * (x - y);
  };
  const sort = (table, heads, at) => {
    const down = heads[at].getAttribute("aria-sort") !== "descending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[at].setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = (row) => row.cells[at] ? row.cells[at].textContent.trim() : "";
    const rows = [...table.tBodies[0].rows];
    rows.sort(at === 0 ? (a, b) => (down ? -1 : 1) * text(a).localeCompare(text(b))
                       : (a, b) => compare(text(a), text(b), down ? -1 : 1));
    table.tBodies[0].append(...rows);
  };
  // A cell that a spreadsheet would run as a formula gets an apostrophe first.
  const field = (text) => {
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const value = (cell) => cell.className === "none" ? "" : cell.textContent.trim();
  const csv = (table, heads) => {
    const spans = [...table.tHead.rows[0].cells].flatMap((cell) => Array(cell.colSpan).fill(cell.textContent.trim()));
    const over = (n) => table.tHead.rows.length > 1 && spans[n] ? `${spans[n]}: ` : "";
    const name = (head, n) => over(n) + head.textContent.trim().replace(/\s+/g, " ");
    const lines = [heads.map(name), ...[...table.tBodies[0].rows].map((row) => Array.from(heads, (_, n) => row.cells[n] ? value(row.cells[n]) : ""))];
    return "\ufeff" + lines.map((line) => line.map(field).join(",") + "\r\n").join("");
  };
  const download = (table, heads) => {
    const url = URL.createObjectURL(new Blob([csv(table, heads)], { type: "text/csv" }));
    make("a", { href: url, download: `${table.id}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  for (const table of document.querySelectorAll("table.data")) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    const filter = make("input", { type: "search", placeholder: "Filter words", ariaLabel: "Filter the rows by word" });
    const rows = [...table.tBodies[0].rows];
    filter.oninput = () => {
      const wanted = filter.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    };
    const save = make("button", { type: "button", className: "tool", textContent: "Download CSV" });
    save.onclick = () => download(table, heads);
    table.parentElement.before(make("div", { className: "tools" }, filter, save));
    heads.forEach((head, at) => {
      const button = make("button", { type: "button" }, ...head.childNodes);
      button.onclick = () => sort(table, heads, at);
      head.append(button);
    });
  }
})();
