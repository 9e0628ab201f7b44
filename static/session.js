// A session that is about to end says so, and can be kept; what was typed comes back after signing in again.
// Without this file a session ends as it did, and a form that was sent too late has to be filled in once more.

const WARN_BEFORE = 120; // seconds
const LOOK_EVERY = 1000; // ms
const DRAFT = "latchkey-draft";
const DRAFT_FOR = 30 * 60 * 1000; // ms
const here = location.pathname + location.search;
const box = document.querySelector("[data-session]");
const signingIn = document.querySelector("[data-signing-in]") !== null; // what is typed there may be a secret in the wrong field
const elsewhere = "BroadcastChannel" in window ? new BroadcastChannel("latchkey-session") : null; // other tabs
let signedOut = false; // in any tab: nothing is kept until this person signs in again

/* The end of the session. Times are counted from when the page came, so the clock of this computer need not be right. */

const minutes = (seconds) => {
  const whole = Math.max(1, Math.ceil(seconds / 60));
  return `${whole} minute${whole === 1 ? "" : "s"}`;
};

function watch() {
  const text = box.querySelector("[data-session-text]");
  const form = box.querySelector("form");
  const again = box.querySelector("[data-session-again]");
  let idle = Date.now() + Number(box.dataset.idle) * 1000;
  let end = Date.now() + Number(box.dataset.ends) * 1000;
  let said = "";
  const loses = box.dataset.then ?? "Finish what you began.";
  const lost = box.dataset.over ?? "What you typed, but no secret, comes back after you sign in again.";

  const say = (state, words = "", { stay = false, over = false } = {}) => {
    box.dataset.state = state; // "", "idle", "ending", "ended", "unasked": for tests
    box.hidden = !words;
    form.hidden = !stay;
    again.hidden = !over;
    if (words !== said) text.textContent = words; // a live region says nothing twice
    said = words;
  };
  const look = () => {
    const [left, longest] = [(idle - Date.now()) / 1000, (end - Date.now()) / 1000];
    if (Math.min(left, longest) <= 0) {
      keepDraft(true);
      return say("ended", `Your session has ended. ${lost}`, { over: true });
    }
    if (longest < WARN_BEFORE && longest <= left) return say("ending", `Your session ends in ${minutes(longest)}, and you sign in again then. ${loses}`);
    if (left < WARN_BEFORE) return say("idle", `You will be signed out in ${minutes(left)}, because nothing was done here. ${loses}`, { stay: true });
    return say("");
  };
  const used = ({ idle: forSeconds, ends }) => {
    signedOut = false; // or in again
    idle = Date.now() + forSeconds * 1000;
    end = Date.now() + ends * 1000;
    look();
  };
  elsewhere?.addEventListener("message", ({ data }) => {
    if (data.user !== box.dataset.user) return;
    if (data.signedOut) dropDraft();
    else used(data);
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
      say("unasked", "Latchkey could not be asked to keep your session. Try again, or sign in again.", { stay: true, over: true });
    }
  });
  setInterval(look, LOOK_EVERY);
  addEventListener("pageshow", look);
}

/* What was typed: fields the page marks, of this person, in this tab, until it was of use. */

const mayBeKept = (field) => "keep" in field.dataset && !("secret" in field.dataset) && field.autocomplete !== "one-time-code";
const kept = (form) => [...form.elements].filter((field) => mayBeKept(field) && !/PRIVATE KEY/.test(field.value));

/** Keep what is typed on this page. lost: nobody will see this form again before they sign in. */
function keepDraft(lost) {
  if (signingIn || signedOut) return;
  const fields = {};
  for (const form of document.querySelectorAll('main form[method="post"]')) {
    for (const field of kept(form)) {
      if (field.type === "checkbox" || field.type === "radio") {
        if (field.checked) fields[field.name] = field.value;
      } else if (field.value !== field.defaultValue) fields[field.name] = field.value;
    }
  }
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

/** Put back what was typed before the session ended, once, and only for whoever typed it. */
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
  note.textContent = "What you typed before you signed in again is back. Check it, then send it.";
}

const draft = readDraft();
if (draft && Date.now() - draft.time > DRAFT_FOR) {
  sessionStorage.removeItem(DRAFT);
} else if (signingIn && draft) {
  sessionStorage.setItem(DRAFT, JSON.stringify({ ...draft, lost: true }));
  setTimeout(() => sessionStorage.removeItem(DRAFT), draft.time + DRAFT_FOR - Date.now()); // should nobody sign in
} else if (box && draft) {
  const foreign = draft.user !== box.dataset.user;
  const back = draft.lost && draft.at === here && !foreign;
  if (foreign || back || !draft.lost) sessionStorage.removeItem(DRAFT); // one that was sent is answered by now
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
