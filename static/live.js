// Updates pages that wait for AWS: only the parts that changed, so that nothing scrolls, closes or loses the focus.
// The texts are in the data-say- attributes of the form or section.

const LONGEST = 15; // seconds between two requests
const MOST = 40; // requests; after that you use the button
const PATIENCE = 10_000; // milliseconds until a request to the portal alone counts as lost
const PATIENCE_WITH_AWS = 45_000; // the portal asks AWS again where it gets no answer

/** Replace a part's content. Open details stay open, and the focus stays or moves to the same element in the new content. */
function swap(part, incoming) {
  if (part.innerHTML.trim() === incoming.innerHTML.trim()) return; // else screen readers would read the same text again
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const open = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
  part.replaceChildren(...incoming.childNodes);
  for (const summary of part.querySelectorAll("details > summary")) {
    if (open.includes(summary.textContent)) summary.parentElement.open = true;
  }
  part.dispatchEvent(new CustomEvent("swapped", { bubbles: true }));
  if (!focused) return;
  const heir = (focused.id && part.querySelector(`#${CSS.escape(focused.id)}`)) || part;
  if (heir === part) part.tabIndex = -1;
  heir.focus({ preventScroll: true });
}

/** Replace each part of the page that the answer also has. */
function take(html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  for (const incoming of answer.querySelectorAll("[data-part]")) {
    const part = document.getElementById(incoming.id);
    if (part) swap(part, incoming);
  }
}

/**
 * Send a form that asks whether AWS is ready, first after `data-live` seconds, then again as long as it is on the page.
 * When the answer redirects, the page opens `data-then`. Without that attribute it stays, and you can press the button.
 * With `data-in-place`, pressing the button updates the page instead of loading it again.
 */
function live(form) {
  const say = (state, words) => {
    const text = document.querySelector("[data-live-text]");
    text.textContent = words;
    text.dataset.state = state;
  };
  let looks = 0;
  let pause = Number(form.dataset.live);
  let timer;

  const ask = async () => {
    clearTimeout(timer);
    if (!form.isConnected) return; // AWS is ready
    if (document.hidden) return document.addEventListener("visibilitychange", ask, { once: true });
    looks += 1;
    let answer;
    let parts;
    try {
      const headers = { "Latchkey-Part": "yes" };
      const body = new URLSearchParams(new FormData(form));
      answer = await fetch(form.action, { method: "POST", body, headers, redirect: "manual", signal: AbortSignal.timeout(PATIENCE_WITH_AWS) });
      if (answer.ok) parts = await answer.text();
    } catch {
      answer = undefined; // the next request may succeed
    }
    if (answer?.ok) take(parts);
    if (!form.isConnected) return;
    if (answer?.type === "opaqueredirect") {
      if (form.dataset.then) return location.assign(form.dataset.then);
      return say("stopped", form.dataset.sayStopped);
    }
    if (looks >= MOST) return say("slow", form.dataset.saySlow);
    if (!answer?.ok) say("no-answer", form.dataset.sayNoAnswer);
    pause = Math.min(LONGEST, pause * 1.25);
    timer = setTimeout(ask, pause * 1000);
  };

  timer = setTimeout(ask, pause * 1000);
  form.addEventListener("submit", (event) => {
    if (!("inPlace" in form.dataset)) return clearTimeout(timer);
    event.preventDefault();
    say("checking", form.dataset.sayChecking);
    ask();
  });
}

/** Count down a wait of known length. Once it is over, `live` asks AWS. */
function countDown(box) {
  const total = Number(box.dataset.wait);
  const text = box.querySelector("[data-wait-text]");
  const bar = box.querySelector("progress");
  const start = performance.now();
  bar.hidden = total === 0;
  const tick = () => {
    const left = Math.max(0, total - (performance.now() - start) / 1000);
    bar.value = total - left;
    text.dataset.state = left ? "counting" : "checking";
    const seconds = Math.ceil(left);
    const counted = seconds === 1 ? box.dataset.sayOneMore : box.dataset.saySomeMore;
    text.textContent = left ? counted.replace("%(num)s", seconds) : box.dataset.sayChecking;
    if (left && box.isConnected) setTimeout(tick, 500);
  };
  tick();
}

/** Show the progress of a refresh, and its figures once it is done. */
function progress(box) {
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-progress-text]");
  const look = async () => {
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(box.dataset.progress, { headers, signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok || answer.redirected) return location.reload(); // the session is over, and the page says so
      const now = await answer.json();
      if (!now.running) {
        const page = await fetch(location.href, { signal: AbortSignal.timeout(PATIENCE) });
        if (!page.ok || page.redirected) return location.reload();
        return take(await page.text());
      }
      bar.value = now.share;
      const counted = now.read === 1 ? box.dataset.sayOneRead : box.dataset.saySomeRead;
      text.textContent = counted.replace("%(read)s", now.read.toLocaleString(document.documentElement.lang));
    } catch {
      // The next request may succeed.
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
}

const begin = (root) => {
  root.querySelectorAll("form[data-live]").forEach(live);
  root.querySelectorAll("[data-wait]").forEach(countDown);
  root.querySelectorAll("[data-progress]").forEach(progress);
};
begin(document);
document.addEventListener("swapped", (event) => begin(event.target));
