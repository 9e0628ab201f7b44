// Warns you before your session ends, lets you keep it, hides the page after its end, and restores what you typed once
// you have signed in again. Without this file none of that happens.
// The texts are in the data-say- attributes that templates/base.html writes.

const WARN_BEFORE = 120; // seconds; base.html has a text for each minute
const LOOK_EVERY = 1000; // ms
const DRAFT = "latchkey-draft";
const DRAFT_FOR = 30 * 60 * 1000; // ms
const here = location.pathname + location.search;
const box = document.querySelector("[data-session]");
const signingIn = document.querySelector("[data-signing-in]") !== null; // there, a secret may be in the wrong field
const elsewhere = "BroadcastChannel" in window ? new BroadcastChannel("latchkey-session") : null; // to the other tabs
let signedOut = false; // in any tab: nothing is kept until the same user signs in again

/* The end of the session. Times are counted from when the page loaded, so the computer's clock may be wrong. */

/** The text of a warning, for the minutes left. text: the attribute, without its number of minutes. */
const warning = (text, seconds) => {
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  return `${box.getAttribute(text + minutes)} ${box.dataset.then || saved()}`.trim();
};

/** What becomes of what you typed, "" where you typed nothing that is kept. */
const saved = () => (Object.keys(typed()).length ? box.dataset.sayTyped : "");

function watch() {
  const text = box.querySelector("[data-session-text]");
  const form = box.querySelector("form");
  const again = box.querySelector("[data-session-again]");
  let idle = Date.now() + Number(box.dataset.idle) * 1000;
  let end = Date.now() + Number(box.dataset.ends) * 1000;
  let said = "";
  let signedOutElsewhere = false;
  const [main, home, title] = [document.querySelector("main"), box.parentElement, document.title];
  const heading = document.createElement("h1");
  heading.textContent = box.dataset.sayEnded;

  /** Show only that the session is over, in place of the page; or the page again, if you signed in in another tab.
   *  The page of a new secret access key stays: its user may still have to save it. */
  const cover = (over) => {
    if ("stays" in box.dataset) return;
    if (document.body.classList.contains("lk-is-over") === over) return;
    document.body.classList.toggle("lk-is-over", over);
    document.title = over ? box.dataset.sayEnded : title;
    if (over) {
      box.prepend(heading);
      main.append(box);
    } else {
      heading.remove();
      home.append(box);
    }
  };
  const say = (state, words = "", { stay = false, over = false } = {}) => {
    box.dataset.state = state; // "", "idle", "ending", "ended" or "unasked", for tests
    cover(state === "ended");
    box.hidden = !words;
    form.hidden = !stay;
    again.hidden = !over;
    if (words !== said) text.textContent = words; // else screen readers would read the same text again
    said = words;
  };
  const look = () => {
    const [left, longest] = [(idle - Date.now()) / 1000, (end - Date.now()) / 1000];
    if (signedOutElsewhere || Math.min(left, longest) <= 0) {
      keepDraft(true);
      return say("ended", box.dataset.over || saved() || box.dataset.sayOver, { over: true });
    }
    if (longest < WARN_BEFORE && longest <= left) return say("ending", warning("data-say-ending-", longest));
    if (left < WARN_BEFORE) return say("idle", warning("data-say-idle-", left), { stay: true });
    return say("");
  };
  const used = ({ idle: forSeconds, ends }) => {
    signedOut = signedOutElsewhere = false; // the same user is signed in
    idle = Date.now() + forSeconds * 1000;
    end = Date.now() + ends * 1000;
    look();
  };
  elsewhere?.addEventListener("message", ({ data }) => {
    if (data.user !== box.dataset.user) return;
    if (data.signedOut) {
      signedOutElsewhere = true;
      dropDraft();
      look();
    } else used(data);
  });
  elsewhere?.postMessage({ user: box.dataset.user, idle: Number(box.dataset.idle), ends: Number(box.dataset.ends) });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    try {
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      const now = await answer.json();
      used(now);
      elsewhere?.postMessage({ user: box.dataset.user, ...now });
    } catch {
      say("unasked", box.dataset.sayUnasked, { stay: true, over: true });
    }
  });
  setInterval(look, LOOK_EVERY);
  addEventListener("pageshow", look);
}

/* What you typed in the fields that the page marks with data-keep: for this user, in this tab, until it is restored. */

const mayBeKept = (field) => "keep" in field.dataset && !("secret" in field.dataset) && field.autocomplete !== "one-time-code";
const kept = (form) => [...form.elements].filter((field) => mayBeKept(field) && !/PRIVATE KEY/.test(field.value));

/** What is typed on this page and may be kept, by field. */
function typed() {
  const fields = {};
  if (signingIn || signedOut) return fields;
  for (const form of document.querySelectorAll('main form[method="post"]')) {
    for (const field of kept(form)) {
      if (field.type === "checkbox" || field.type === "radio") {
        if (field.checked) fields[field.name] = field.value;
      } else if (field.value !== field.defaultValue) fields[field.name] = field.value;
    }
  }
  return fields;
}

/** Keep what is typed on this page. lost: the session is over, so the form can't be sent. */
function keepDraft(lost) {
  const fields = typed();
  if (!Object.keys(fields).length) return;
  sessionStorage.setItem(DRAFT, JSON.stringify({ user: box.dataset.user, at: here, time: Date.now(), lost, fields }));
}

function dropDraft() {
  signedOut = true;
  sessionStorage.removeItem(DRAFT);
}

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT));
  } catch {
    return null;
  }
}

/** Restore what was typed before the session ended: once, and only for the user who typed it. */
function putBack(draft) {
  let found = false;
  for (const [name, value] of Object.entries(draft.fields)) {
    const fields = [...document.querySelectorAll(`main form[method="post"] [name="${CSS.escape(name)}"]`)].filter(mayBeKept);
    for (const field of fields) {
      found = true;
      if (field.type === "checkbox" || field.type === "radio") field.checked = field.value === value;
      else if (!field.value || field.tagName === "SELECT") field.value = value;
    }
  }
  if (!found) return;
  const note = document.createElement("p");
  note.className = "alert alert-info";
  note.dataset.draft = "back";
  note.setAttribute("role", "status");
  document.querySelector("main").prepend(note);
  note.textContent = box.dataset.sayBack;
}

const draft = readDraft();
if (draft && Date.now() - draft.time > DRAFT_FOR) {
  sessionStorage.removeItem(DRAFT);
} else if (signingIn && draft) {
  sessionStorage.setItem(DRAFT, JSON.stringify({ ...draft, lost: true }));
  setTimeout(() => sessionStorage.removeItem(DRAFT), draft.time + DRAFT_FOR - Date.now()); // if there is no sign-in
} else if (box && draft) {
  const foreign = draft.user !== box.dataset.user;
  const back = draft.lost && draft.at === here && !foreign;
  if (foreign || back || !draft.lost) sessionStorage.removeItem(DRAFT); // any other draft was sent and answered
  if (back) putBack(draft);
}
if (box) {
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-sign-out]")) {
      dropDraft();
      elsewhere?.postMessage({ user: box.dataset.user, signedOut: true });
    } else if (event.target.closest("main")) keepDraft(false);
  });
  watch();
}
