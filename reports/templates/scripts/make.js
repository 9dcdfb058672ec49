// What the other scripts make elements with. Texts are only ever set as text.
const make = (tag, props, ...children) => {
  const made = Object.assign(document.createElement(tag), props);
  made.append(...children);
  return made;
};
const button = (text, action, className = "tool") => make("button", { type: "button", className, textContent: text, onclick: action });
const each = (selector, action, within = document) => within.querySelectorAll(selector).forEach(action);
