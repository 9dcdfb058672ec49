// Tables: sort by any column, filter, download.
{
  const GRADES = ["none", "weak", "moderate", "strong"];
  const number = (text) => {
    const found = /\d[\d.,]*/.exec(text);
    if (GRADES.includes(text)) return GRADES.indexOf(text);
    if (/^same( |$)/.test(text)) return 0;
    if (!found) return null;
    const value = parseFloat(found[0].replaceAll(",", "")) * (text.startsWith("<") ? 0.5 : 1);
    const way = /more|less/.exec(text);
    return text.startsWith("\u2212") || (way && way[0] === "less") ? -value : value;
  };
  const compare = (a, b, sign) => {
    const [x, y] = [number(a), number(b)];
    if (x === null && y === null) return sign * a.localeCompare(b);
    if (x === null || y === null) return x === null ? 1 : -1;
    return sign * (x - y);
  };
  const textOf = (cell) => cell ? cell.textContent.replace(/[\u2066-\u2069]/g, "").trim() : "";
  const main = (cell) => textOf(cell && cell.querySelector("small") ? cell.firstChild : cell); // without what is small
  const heads = (table) => [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const filtered = (rows, text) => {
    const wanted = text.trim().toLowerCase();
    const words = (row) => [...row.cells].filter((cell, n) => n === 0 || !/\d/.test(cell.textContent)).map(textOf).join("\n");
    for (const row of rows) row.hidden = !words(row).toLowerCase().includes(wanted);
  };
  const sorted = (table, rows, at, down) => {
    heads(table).forEach((head) => head.removeAttribute("aria-sort"));
    if (at === null) return table.tBodies[0].append(...rows);
    heads(table)[at].setAttribute("aria-sort", down ? "descending" : "ascending");
    const sign = down ? -1 : 1;
    const ofWords = at === 0 || (table.classList.contains(`t${at + 1}`) && !GRADES.includes(main(rows[0].cells[at])));
    const by = ofWords
      ? (a, b) => sign * main(a.cells[at]).localeCompare(main(b.cells[at]))
      : (a, b) => compare(main(a.cells[at]), main(b.cells[at]), sign);
    table.tBodies[0].append(...[...rows].sort(by));
  };

  // A cell that a spreadsheet would run as a formula gets an apostrophe first. What stands small in a cell (an
  // interval) has a column of its own.
  const field = (text) => {
    const formula = /^[=+\-@\t\r]/.test(text) && !/^[+-]\d[\d.,]*( [a-z]+)?$/.test(text);
    const safe = formula ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const value = (cell) => !cell || cell.className === "none" ? "" : main(cell);
  const small = (cell) => cell && cell.className !== "none" && cell.querySelector("small") ? textOf(cell.querySelector("small")) : "";
  const csv = (table, rows) => {
    const spans = [...table.tHead.rows[0].cells].flatMap((cell) => Array(cell.colSpan).fill(textOf(cell)));
    const over = (n) => table.tHead.rows.length > 1 && spans[n] ? `${spans[n]}: ` : "";
    const columns = heads(table).flatMap((head, n) => {
      const name = over(n) + textOf(head).replace(/\s+/g, " ");
      const plain = [name, (row) => value(row.cells[n])];
      return rows.some((row) => small(row.cells[n])) ? [plain, [`${name} (beneath)`, (row) => small(row.cells[n])]] : [plain];
    });
    const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, of]) => of(row)))];
    return "\ufeff" + lines.map((line) => line.map(field).join(",") + "\r\n").join("");
  };
  const download = (table) => {
    const url = URL.createObjectURL(new Blob([csv(table, [...table.tBodies[0].rows])], { type: "text/csv" }));
    make("a", { href: url, download: `${table.id}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };

  const FEW = 10; // rows that need no filter
  const tables = new Map();
  each("table[id]", (table) => {
    const rows = [...table.tBodies[0].rows];
    const set = { at: null, down: true, filter: null };
    tables.set(table.id, { table, rows, set });
    const tools = make("div", { className: "tools" });
    if (rows.length > FEW) {
      set.filter = make("input", { type: "search", placeholder: "Filter the rows", ariaLabel: `Filter the rows: ${textOf(table.caption)}` });
      set.left = make("span", { className: "quiet", role: "status" });
      set.show = () => {
        filtered(rows, set.filter.value);
        set.left.textContent = set.filter.value ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
      };
      set.filter.oninput = () => { set.show(); state.save(); };
      tools.append(set.filter, set.left);
    }
    const save = button("Download CSV", () => download(table), "csv");
    save.ariaLabel = `Download as CSV: ${textOf(table.caption)}`;
    tools.append(save);
    if (set.filter) table.parentElement.before(tools);
    else table.parentElement.after(tools);
    heads(table).forEach((head, at) => {
      if (!textOf(head)) return;
      const sort = button("", () => {
        set.down = set.at !== at || !set.down;
        set.at = at;
        sorted(table, rows, at, set.down);
        state.save();
      }, "");
      sort.append(...head.childNodes);
      head.append(sort);
    });
  });
  state.part(
    "sort",
    () => [...tables].filter(([, { set }]) => set.at !== null).map(([id, { set }]) => `${id}~${set.at}~${set.down ? "down" : "up"}`),
    (values) => {
      const wanted = new Map(values.map((value) => value.split("~")).map(([id, at, way]) => [id, [Number(at), way]]));
      for (const [id, { table, rows, set }] of tables) {
        const [at, way] = wanted.get(id) || [null];
        const known = at !== null && at in heads(table);
        if (!known && set.at === null) continue;
        [set.at, set.down] = [known ? at : null, way !== "up"];
        sorted(table, rows, set.at, set.down);
      }
    },
  );
  state.part(
    "find",
    () => [...tables].filter(([, { set }]) => set.filter && set.filter.value).map(([id, { set }]) => `${id}~${set.filter.value}`),
    (values) => {
      const wanted = new Map(values.map((value) => [value.split("~")[0], value.split("~").slice(1).join("~")]));
      for (const [id, { set }] of tables) {
        if (!set.filter || set.filter.value === (wanted.get(id) || "")) continue;
        set.filter.value = wanted.get(id) || "";
        set.show();
      }
    },
  );
}
