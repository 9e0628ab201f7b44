// Says that something is under way, for as long as AWS takes. One script for every form, and for links that look like buttons.

const SHOWN_AFTER = 300; // ms; most answers are there before
const SLOW_AFTER = 4000; // ms
const PREPARED = 4000; // ms that a download shows as under way: no page tells when it has begun

const said = document.createElement("p");
said.className = "visually-hidden";
said.setAttribute("role", "status");
document.body.append(said);

const sent = new Set(); // forms whose answer is awaited
const working = new Map(); // buttons and links that show it, and how they are put back

/** It takes long: what was said to screen readers only is now shown to everyone. */
function slow() {
  said.className = "lk-slow";
  said.textContent = "AWS is taking longer than usual. This page keeps waiting.";
}

/** Show on a button or link what goes on. */
function begin(control, words) {
  if (!control || working.has(control)) return;
  const before = [...control.childNodes];
  const show = () => {
    control.style.minWidth = `${control.offsetWidth}px`; // nothing around it moves
    const ring = document.createElement("span");
    ring.className = "lk-spinner";
    ring.setAttribute("aria-hidden", "true");
    control.replaceChildren(ring, words);
    control.setAttribute("aria-busy", "true");
    said.textContent = words;
  };
  const timers = [
    setTimeout(show, SHOWN_AFTER),
    setTimeout(slow, SLOW_AFTER),
  ];
  working.set(control, () => {
    timers.forEach(clearTimeout);
    control.replaceChildren(...before);
    control.style.minWidth = "";
    control.removeAttribute("aria-busy");
  });
}

/** As before: everything can be pressed again. */
function end() {
  for (const putBack of working.values()) putBack();
  working.clear();
  for (const form of sent) for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  sent.clear();
  said.className = "visually-hidden";
  said.textContent = "";
}

// On the document, after each form's own listeners: what they stopped is not under way. New forms count at once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented) return;
  if (sent.has(form)) { // one click is one request
    event.preventDefault();
    return;
  }
  sent.add(form);
  const buttons = [...form.querySelectorAll("button:not([type=button])")];
  for (const button of buttons) button.setAttribute("aria-disabled", "true");
  const pressed = event.submitter ?? buttons[0];
  const file = "download" in form.dataset;
  begin(pressed, pressed?.dataset.busy ?? (file ? "Preparing the file…" : "Working…"));
  if (file) setTimeout(end, PREPARED);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.btn[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.target || !/^https?:$/.test(link.protocol) || link.getAttribute("href").startsWith("#")) return;
  const file = "download" in link.dataset;
  begin(link, link.dataset.busy ?? (file ? "Preparing the file…" : "Opening…"));
  if (file) setTimeout(end, PREPARED);
});

// A page taken back from the browser's memory can be used again; so can one whose answer was called off.
addEventListener("pageshow", (event) => event.persisted && end());
addEventListener("keydown", (event) => event.key === "Escape" && end());
