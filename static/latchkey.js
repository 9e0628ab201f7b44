// Comforts only: every page works without this file.

const STEP = 30;

/** "New code in 12 seconds", by the portal's clock, which is the one that counts. */
function countdown(box) {
  const ahead = Number(box.dataset.now) - performance.now() / 1000;
  const text = box.querySelector("[data-countdown-text]");
  const bar = box.querySelector("progress");
  bar.hidden = false;
  const tick = () => {
    const left = STEP - ((performance.now() / 1000 + ahead) % STEP);
    bar.value = left;
    text.textContent = `New code in ${Math.ceil(left)} s`;
  };
  tick();
  setInterval(tick, 500);
}

/** Six digits typed, in whatever script: on to the next field. */
function advance(field) {
  const next = document.getElementById(field.dataset.next);
  field.addEventListener("input", () => {
    if ((field.value.match(/\p{Nd}/gu) ?? []).length === 6 && next) next.focus();
  });
}

/** Tells with the form how many seconds ago the first of two codes was typed: old ones are not sent on to AWS. */
function typedAgo(field) {
  const code = document.getElementById(field.dataset.typedAgo);
  let typed; // by the clock that goes on while a computer sleeps
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
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
    setTimeout(() => { button.innerHTML = label; }, 2000);
  });
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { day: "numeric", month: "long" };
const SHOWN = { // by the ways of app/text/dates.py
  time: CLOCK,
  minute: { ...DAY, year: "numeric", ...CLOCK },
  "minute of the year": { ...DAY, ...CLOCK },
  "short minute": { day: "numeric", month: "short", year: "numeric", ...CLOCK },
  second: { ...DAY, year: "numeric", ...CLOCK, second: "2-digit" },
  "second of the year": { ...DAY, ...CLOCK, second: "2-digit" },
};

/** A time in the reader's own zone; in UTC, as it was written, when the pointer is over it. */
function localTime(element) {
  const shown = SHOWN[element.dataset.local || "time"];
  const time = new Date(element.dateTime);
  if (!shown || !time.getTimezoneOffset()) return;
  element.title = element.textContent.trim();
  element.textContent = new Intl.DateTimeFormat("en-GB", shown).format(time).replace(" at ", ", ");
}

/** A menu closes when the pointer or the focus goes elsewhere, and with Escape. */
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

/** Give a page, or a part that came into it later, its comforts. */
function comfort(root) {
  const each = (selector, act) => root.querySelectorAll(selector).forEach(act);
  each("[data-countdown]", countdown);
  each("[data-next]", advance);
  each("[data-typed-ago]", typedAgo);
  each("[data-copy]", copyButton);
  each("time[data-local]", localTime);
  each("details[data-menu]", menu);
}
comfort(document);
document.addEventListener("swapped", (event) => comfort(event.target));

// What few pages need, where they need it.
const needs = (selector, file) => document.querySelector(selector) && import(file);
needs("[data-live], [data-wait], [data-progress]", "./live.js");
needs("[data-rules], [data-strength]", "./password.js");
