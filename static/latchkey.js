// Conveniences: every page works without this file. Its texts are in data-say- attributes.

const STEP = 30;

/** Count down to the next code, by the portal's clock, because the computer's clock may be wrong. */
function countdown(box) {
  const ahead = Number(box.dataset.now) - performance.now() / 1000;
  const text = box.querySelector("[data-countdown-text]");
  const bar = box.querySelector("progress");
  bar.hidden = false;
  const tick = () => {
    const left = STEP - ((performance.now() / 1000 + ahead) % STEP);
    bar.value = left;
    text.textContent = box.dataset.sayLeft.replace("%(num)s", Math.ceil(left));
  };
  tick();
  setInterval(tick, 500);
}

/** Move to the next field after six digits, in any script. */
function advance(field) {
  const next = document.getElementById(field.dataset.next);
  field.addEventListener("input", () => {
    if ((field.value.match(/\p{Nd}/gu) ?? []).length === 6 && next) next.focus();
  });
}

/** Send the age of the first of two codes with the form, in seconds: the portal doesn't send AWS an old one. */
function typedAgo(field) {
  const code = document.getElementById(field.dataset.typedAgo);
  let typed; // by a clock that continues while the computer sleeps
  code.addEventListener("input", () => { typed = Date.now(); });
  field.form.addEventListener("submit", () => {
    if (typed !== undefined && Date.now() >= typed) field.value = ((Date.now() - typed) / 1000).toFixed(1);
  });
}

/** A button that copies the text of an element. */
function copyButton(button) {
  const source = document.getElementById(button.dataset.copy);
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = source.textContent.trim();
    const label = button.innerHTML;
    try {
      await navigator.clipboard.writeText("copyJoined" in button.dataset ? text.replace(/\s/g, "") : text);
      button.textContent = document.body.dataset.sayCopied;
    } catch {
      button.textContent = document.body.dataset.sayByHand;
    }
    setTimeout(() => { button.innerHTML = label; }, 2000);
  });
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { day: "numeric", month: "long" };
const SHOWN = { // by the names of the ways in app/text/dates.py
  time: CLOCK,
  minute: { ...DAY, year: "numeric", ...CLOCK },
  "minute of the year": { ...DAY, ...CLOCK },
  "short minute": { day: "numeric", month: "short", year: "numeric", ...CLOCK },
  second: { ...DAY, year: "numeric", ...CLOCK, second: "2-digit" },
  "second of the year": { ...DAY, ...CLOCK, second: "2-digit" },
};

/** Show a time in the user's time zone, and in UTC, as the page has it, while the pointer is over it. */
function localTime(element) {
  const shown = SHOWN[element.dataset.local || "time"];
  const time = new Date(element.dateTime);
  if (!shown || !time.getTimezoneOffset()) return;
  element.title = element.textContent.trim();
  element.textContent = new Intl.DateTimeFormat("en-GB", shown).format(time).replace(" at ", ", ");
}

/** Close a menu with a click elsewhere, when the focus leaves it, and with Escape. */
function menu(details) {
  const close = (event) => { if (!details.contains(event.target)) details.open = false; };
  document.addEventListener("click", close);
  document.addEventListener("focusin", close);
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    details.querySelector("summary").focus();
  });
}

/** Set up a page, or a part that was added to it later. */
function setUp(root) {
  const each = (selector, act) => root.querySelectorAll(selector).forEach(act);
  each("[data-countdown]", countdown);
  each("[data-next]", advance);
  each("[data-typed-ago]", typedAgo);
  each("[data-copy]", copyButton);
  each("time[data-local]", localTime);
  each("details[data-menu]", menu);
}
setUp(document);
document.addEventListener("swapped", (event) => setUp(event.target));

// Loaded only on the few pages that need it.
const needs = (selector, file) => document.querySelector(selector) && import(file);
needs("[data-live], [data-wait], [data-progress]", "./live.js");
needs("[data-rules], [data-strength]", "./password.js");
