// Checks a new password while you type it. Every page works without this file.

/** Mark the rules that the new password meets. */
function rules(list) {
  const field = document.querySelector("input[name=new]");
  if (!field) return;
  field.addEventListener("input", () => {
    for (const item of list.querySelectorAll("[data-rule]")) {
      item.toggleAttribute("data-kept", new RegExp(item.dataset.rule, "s").test(field.value));
    }
  });
}

/** Show how hard the new password is to guess. The portal rates it, as it does when you send the form. */
function strength(box) {
  const field = document.querySelector("input[name=new]");
  const [meter, text] = [box.querySelector("meter"), box.querySelector("p")];
  let timer, asking;
  let pause = 0; // until then the portal rates no more passwords
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
      if (error.name !== "AbortError") box.hidden = true; // the portal rates it when you send the form
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
