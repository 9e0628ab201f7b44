// Shows that a request is running, for as long as AWS takes: on every form, and on links that look like buttons.
// The texts are in the data-busy of a button or link, or in the data-say- attributes of the body (templates/base.html).

const SHOWN_AFTER = 300; // ms; most answers arrive earlier
const SLOW_AFTER = 4000; // ms
const PREPARED = 4000; // ms that a download shows as running: no event says when it has started

const says = document.body.dataset;
const said = document.createElement("p");
said.className = "visually-hidden";
said.setAttribute("role", "status");
document.body.append(said);

const sent = new Set(); // forms that wait for their answer
const working = new Map(); // buttons and links that show it, and how to restore them

/** The answer takes long: show everyone the text that only screen readers had. */
function slow() {
  said.className = "lk-slow";
  said.textContent = says.saySlow;
}

/** Show on a button or link that its request is running. */
function begin(control, words) {
  if (!control || working.has(control)) return;
  const before = [...control.childNodes];
  const show = () => {
    control.style.minWidth = `${control.offsetWidth}px`; // so that nothing around it moves
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

/** Restore everything, so that it can be pressed again. */
function end() {
  for (const putBack of working.values()) putBack();
  working.clear();
  for (const form of sent) for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  sent.clear();
  said.className = "visually-hidden";
  said.textContent = "";
}

// On the document, because that runs after each form's own listeners, which may cancel it, and covers later forms.
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
  begin(pressed, pressed?.dataset.busy ?? (file ? says.sayFile : says.sayWorking));
  if (file) setTimeout(end, PREPARED);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a.btn[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.target || !/^https?:$/.test(link.protocol) || link.getAttribute("href").startsWith("#")) return;
  const file = "download" in link.dataset;
  begin(link, link.dataset.busy ?? (file ? says.sayFile : says.sayOpening));
  if (file) setTimeout(end, PREPARED);
});

// A page that the browser restores from memory can be used again, and so can one whose request you cancelled.
addEventListener("pageshow", (event) => event.persisted && end());
addEventListener("keydown", (event) => event.key === "Escape" && end());
