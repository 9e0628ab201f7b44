// What a new password lacks, while it is typed: every page works without this file.

/** Ticks off the rules a new password keeps, while it is typed. */
function rules(list) {
  const field = document.querySelector("input[name=new]");
  if (!field) return;
  field.addEventListener("input", () => {
    for (const item of list.querySelectorAll("[data-rule]")) {
      item.toggleAttribute("data-kept", new RegExp(item.dataset.rule, "s").test(field.value));
    }
  });
}

/** Says how hard the new password is to guess, while it is typed: judged by the portal, as when the form is sent. */
function strength(box) {
  const field = document.querySelector("input[name=new]");
  const [meter, text] = [box.querySelector("meter"), box.querySelector("p")];
  let timer, asking;
  let pause = 0; // until then the portal judges no more of what is typed
  const ask = async () => {
    if (Date.now() < pause) return;
    asking = new AbortController();
    const sent = new URLSearchParams({ new: field.value, csrf_token: field.form.elements.csrf_token.value });
    try {
      const answer = await fetch(box.dataset.strength, { method: "POST", body: sent, signal: asking.signal, redirect: "error" });
      if (answer.status === 429) {
        pause = Date.now() + 60_000;
        [meter.hidden, text.textContent, box.hidden] = [true, box.dataset.many, false];
        box.dataset.state = "checked-when-sent";
        return;
      }
      if (!answer.ok) throw new Error(answer.status);
      meter.hidden = false;
      const { score, words, why } = await answer.json();
      meter.value = score;
      box.dataset.state = "judged";
      text.textContent = `${words} ${why}`;
      box.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") box.hidden = true; // the form is judged when it is sent
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    asking?.abort();
    if (field.value) timer = setTimeout(ask, 350);
    else box.hidden = true;
  });
}

document.querySelectorAll("[data-rules]").forEach(rules);
document.querySelectorAll("[data-strength]").forEach(strength);
