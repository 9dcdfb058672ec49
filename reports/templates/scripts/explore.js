// Two groups side by side for one template, as a model card prints them. The predictions are packed in the page and
// unpacked on first use.
{
  const unpacked = async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  };
  const swatch = ([name, style, note]) => make("span", { className: `swatch ${style}` },
    make("i"), make("bdi", { textContent: name }), ...(note ? [make("small", { textContent: ` ${note}` })] : []));

  class Explorer {
    constructor(box) {
      this.box = box;
      this.id = box.id;
      this.wanted = null; // what the address selects, until the predictions are unpacked
      box.addEventListener("toggle", () => { if (box.open) this.load(); });
      if (box.open) this.load();
    }

    async load() {
      if (this.loading) return;
      this.loading = true;
      const place = this.box.querySelector(".explorer");
      try {
        this.data = await unpacked(JSON.parse(this.box.querySelector("script").textContent));
      } catch {
        place.textContent = "This browser can't unpack the predictions. They are in the run's predictions.csv.";
        return;
      }
      this.rows = new Map(this.data.texts.map((_, n) => [this.key(this.data.template[n], this.data.names.map((own) => own[n])), n]));
      const templates = this.data.templates.map((text, n) => make("option", { value: n, textContent: text }));
      this.template = make("select", {}, ...templates);
      this.sides = ["one group", "the other"].map((which) => this.data.axes.map((axis) => this.choice(axis, which)));
      const swap = button("Swap the groups", () => { this.set({ template: this.template.value, sides: [this.picked(1), this.picked(0)] }); state.save(); });
      this.out = make("div", { className: "columns pairwise" });
      this.out.setAttribute("aria-live", "polite");
      place.replaceChildren(
        make("label", { className: "pick" }, "Wording ", this.template),
        make("div", { className: "picks" }, ...this.sides.map((own, n) => make("fieldset", {},
          make("legend", { textContent: n ? "The other" : "One group" }),
          ...own.map((choice, at) => make("label", { className: "pick" }, make("bdi", { textContent: this.data.axes[at].title }), " ", choice))))),
        swap,
        this.out,
      );
      place.addEventListener("change", () => { this.draw(); state.save(); });
      this.usual = { template: "0", sides: this.data.usual.map((own) => own.map(String)) };
      this.set(this.wanted || this.usual);
    }

    choice(axis, which) {
      const option = ([name, , note, text], n) => make("option", { value: n, textContent: `${text ? `${name}: ${text}` : name}${note ? ` (${note})` : ""}` });
      return make("select", { ariaLabel: `${axis.title}, ${which}` }, ...axis.names.map(option));
    }

    key(template, names) { return [template, ...names].join(" "); }
    picked(side) { return this.sides[side].map((choice) => choice.value); }

    set({ template, sides }) {
      const pick = (choice, value) => { if ([...choice.options].some((option) => option.value === value)) choice.value = value; };
      pick(this.template, template);
      sides.forEach((own, n) => own.forEach((value, at) => { if (this.sides[n][at]) pick(this.sides[n][at], value); }));
      this.draw();
    }

    draw() {
      const found = [0, 1].map((side) => this.rows.get(this.key(this.template.value, this.picked(side))));
      const tokens = found.map((row) => row === undefined ? [] : this.data.predictions[row]);
      const size = (row) => row === undefined ? [] : this.data.probs[row].map((n) => this.size(n));
      const longest = Math.max(0, ...found.flatMap(size)) || 1;
      const words = tokens.map((own) => own.map((token) => this.data.tokens[token]));
      const only = (side, token) => found[1 - side] !== undefined && !words[1 - side].includes(this.data.tokens[token]);
      this.out.replaceChildren(...[0, 1].map((side) => this.column(side, found[side], (token) => only(side, token), longest)));
    }

    size(n) { return parseFloat(this.data.percents[n].replace("<", "")) || 0; }

    column(side, row, only, longest) {
      const heads = this.picked(side).map((name, at) => swatch(this.data.axes[at].names[name]));
      const column = make("div", { className: "column" }, make("p", { className: "heads" }, ...heads.flatMap((head) => [head, " "])));
      if (row === undefined) {
        column.append(make("p", { className: "said", textContent: "The probe has no sentence for this crossing." }));
        return column;
      }
      const [before, mask, after] = this.data.texts[row];
      column.append(make("p", { className: "said" }, make("bdi", {}, before, make("mark", { textContent: mask }), after)));
      const probs = this.data.probs[row];
      column.append(make("ol", {}, ...this.data.predictions[row].map((token, n) => make("li", {
        className: [`w${Math.round(100 * this.size(probs[n]) / longest)}`, only(token) ? "only" : "", this.data.flagged.includes(token) ? "flag" : ""].join(" ").trim(),
      }, make("bdi", { textContent: this.data.tokens[token] }), " ", make("span", { textContent: this.data.percents[probs[n]] })))));
      return column;
    }

    // In the address: template, then the names of each side.
    selection() {
      if (!this.data || !this.sides) return this.wanted ? [this.text(this.wanted)] : [];
      const now = this.text({ template: this.template.value, sides: [this.picked(0), this.picked(1)] });
      return now === this.text(this.usual) ? [] : [now];
    }

    text({ template, sides }) { return [this.id, template, ...sides.map((own) => own.join("."))].join("~"); }

    show(value) {
      const [, template, one, other] = (value || "").split("~");
      const wanted = other === undefined ? null : { template, sides: [one.split("."), other.split(".")] };
      if (this.usual) this.set(wanted || this.usual);
      else this.wanted = wanted;
    }
  }

  const explorers = [...document.querySelectorAll("details.explore")].map((box) => new Explorer(box));
  state.part(
    "show",
    () => explorers.flatMap((explorer) => explorer.selection()),
    (values) => explorers.forEach((explorer) => explorer.show(values.find((value) => value.split("~")[0] === explorer.id))),
  );
}
