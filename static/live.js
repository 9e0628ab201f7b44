// Pages that wait: only what changed is put in, where the page stands. Nothing scrolls, closes or loses the focus.

const LONGEST = 15; // seconds between two looks
const MOST = 40; // looks; then the button is left

/** Put a part's new content in its place. Open details stay open, and the focus stays or moves to what took its place. */
function swap(part, incoming) {
  if (part.innerHTML.trim() === incoming.innerHTML.trim()) return; // a live region says nothing twice
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

/** Swap each element of the page that the answer has, too. */
function take(html) {
  const answer = new DOMParser().parseFromString(html, "text/html");
  for (const incoming of answer.querySelectorAll("[data-part]")) {
    const part = document.getElementById(incoming.id);
    if (part) swap(part, incoming);
  }
}

/**
 * A form that asks whether AWS is ready, first after `data-live` seconds, then again as long as it is on the page.
 * Where the answer leads elsewhere, the page goes to `data-then`; without one it stays, and the form's button is left.
 * `data-in-place`: so does pressing the button.
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
    if (!form.isConnected) return; // its work is done
    if (document.hidden) return document.addEventListener("visibilitychange", ask, { once: true });
    looks += 1;
    let answer;
    try {
      const headers = { "Latchkey-Part": "yes" };
      answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers, redirect: "manual" });
    } catch {
      // The next look may get through.
    }
    if (answer?.ok) take(await answer.text());
    if (!form.isConnected) return;
    if (answer?.type === "opaqueredirect") {
      if (form.dataset.then) return location.assign(form.dataset.then);
      return say("stopped", "This page can’t check any more. Save what it shows, then reload it.");
    }
    if (looks >= MOST) return say("slow", "AWS takes longer than usual. Use the button to check again.");
    if (!answer?.ok) say("no-answer", "There was no answer. This page keeps checking.");
    pause = Math.min(LONGEST, pause * 1.25);
    timer = setTimeout(ask, pause * 1000);
  };

  timer = setTimeout(ask, pause * 1000);
  form.addEventListener("submit", (event) => {
    if (!("inPlace" in form.dataset)) return clearTimeout(timer);
    event.preventDefault();
    say("checking", "Checking…");
    ask();
  });
}

/** Counts a known wait down; one that is over already is being asked about (`live`). */
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
    text.textContent = left ? `About ${Math.ceil(left)} more second${Math.ceil(left) === 1 ? "" : "s"}.` : "Checking…";
    if (left && box.isConnected) setTimeout(tick, 500);
  };
  tick();
}

/** How far a refresh is; once it is done, its figures come into the page. */
function progress(box) {
  const bar = box.querySelector("progress");
  const text = box.querySelector("[data-progress-text]");
  const look = async () => {
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" } });
      if (!answer.ok || answer.redirected) return location.reload(); // the session is over: the page says so
      const now = await answer.json();
      if (!now.running) {
        const page = await fetch(location.href);
        if (!page.ok || page.redirected) return location.reload();
        return take(await page.text());
      }
      bar.value = now.share;
      text.textContent = `${now.read.toLocaleString("en")} users read.`;
    } catch {
      // The next look may get through.
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
