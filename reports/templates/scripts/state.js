// What the reader has opened, sorted, filtered and picked stands in the address after the place:
// #probe-occupation&open=tested-occupation-group.fold&sort=tested-occupation-group~3~down
// so that a copied link shows what its sender saw. A plain #place keeps what is set.
const state = (() => {
  const parts = new Map(); // key -> { get: () => [text], set: ([text]) => void, which undoes what isn't in it }
  let place = "";
  let settled = false;
  const read = (hash) => {
    const [first, ...rest] = hash.replace(/^#/, "").split("&");
    const found = new Map();
    for (const pair of rest) {
      const at = pair.indexOf("=");
      if (at > 0) found.set(pair.slice(0, at), [...(found.get(pair.slice(0, at)) || []), decode(pair.slice(at + 1))]);
    }
    return { place: decode(first), found, plain: !rest.length };
  };
  const decode = (text) => { try { return decodeURIComponent(text); } catch { return ""; } };
  const hash = (where = place) => {
    const pairs = [...parts].flatMap(([key, part]) => part.get().map((value) => `&${key}=${encodeURIComponent(value)}`));
    return `#${encodeURIComponent(where)}${pairs.join("")}`;
  };
  const save = () => {
    if (!settled) return;
    const wanted = read(location.hash);
    if (wanted.plain && wanted.place) place = wanted.place; // followed a moment ago, and not yet heard of
    const made = hash();
    if (made !== (location.hash || "#")) history.replaceState(null, "", made);
  };
  // What a place is folded in is unfolded first. Where the browser goes there by itself, it is let.
  const go = (id, alone) => {
    const target = id && document.getElementById(id);
    if (!target) return;
    each(".aimed", (old) => old.classList.remove("aimed"));
    target.classList.add("aimed");
    let unfolded = false;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      unfolded ||= !fold.open;
      fold.open = true;
    }
    if (alone || unfolded) target.scrollIntoView();
  };
  const show = () => {
    const wanted = read(location.hash);
    place = wanted.place;
    if (settled && wanted.plain) {
      go(place, false);
      return save();
    }
    for (const [key, part] of parts) part.set(wanted.found.get(key) || []);
    go(place, true);
  };
  return {
    part: (key, get, set) => parts.set(key, { get, set }),
    save,
    at: (where) => { place = where; },
    link: (where) => location.href.split("#")[0] + hash(where),
    start: () => {
      show();
      settled = true;
      addEventListener("hashchange", show);
    },
  };
})();

// Folded parts and check boxes.
{
  const folds = [...document.querySelectorAll("details[id]")].map((fold) => [fold, fold.open]);
  state.part(
    "open",
    () => folds.filter(([fold, usual]) => fold.open && !usual).map(([fold]) => fold.id),
    (ids) => folds.forEach(([fold, usual]) => { if (!usual) fold.open = ids.includes(fold.id); }),
  );
  state.part(
    "shut",
    () => folds.filter(([fold, usual]) => !fold.open && usual).map(([fold]) => fold.id),
    (ids) => folds.forEach(([fold, usual]) => { if (usual) fold.open = !ids.includes(fold.id); }),
  );
  document.addEventListener("toggle", () => state.save(), true);
  const boxes = [...document.querySelectorAll("input[type=checkbox][id]")];
  state.part(
    "on",
    () => boxes.filter((box) => box.checked).map((box) => box.id),
    (ids) => boxes.forEach((box) => { box.checked = ids.includes(box.id); }),
  );
  boxes.forEach((box) => box.addEventListener("change", () => state.save()));
}
