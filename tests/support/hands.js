// Run in a page by tests/support/hands.py: what a user's hands do, where the page is ready for it.
({
  /** Write into fields of a place on the page. Returns the names of those that were not ready, or are of other kinds. */
  write([place, typed]) {
    const written = /^(text|textarea|password|search|email|url|tel)$/;
    const chosen = /^(select-one|checkbox|date)$/;
    return Object.entries(typed).filter(([name, text]) => {
      const [field, ...more] = document.querySelector(place)?.querySelectorAll(`[name="${name}"]`) ?? [];
      if (!field || more.length || field.matches(":disabled") || !field.checkVisibility({ visibilityProperty: true })) return true;
      if (chosen.test(field.type)) {
        field.focus();
        if (field.type === "checkbox") return field.checked ? false : (field.click(), !field.checked);
        if (field.value === text) return false;
        field.value = text;
        for (const event of ["input", "change"]) field.dispatchEvent(new Event(event, { bubbles: true }));
        return field.value !== text;
      }
      if (!written.test(field.type) || field.matches(":read-only")) return true;
      field.focus();
      field.select();
      // Like a keyboard it respects maxlength, and the field tells the page's scripts.
      if (field.value || text) return !document.execCommand(text ? "insertText" : "delete", false, text);
    }).map(([name]) => name);
  },

  /** Press what a path of selectors leads to, each within the one before. False where a mouse could not, now. */
  press(path) {
    const target = path.reduce((place, selector) => place?.querySelector(selector), document);
    if (!target?.checkVisibility({ visibilityProperty: true })) return false;
    if (target.matches(":disabled, [aria-disabled=true], [aria-disabled=true] *")) return false;
    target.scrollIntoView({ block: "nearest", behavior: "instant" });
    const [{ x, y, width, height }] = target.getClientRects();
    if (!target.contains(document.elementFromPoint(x + width / 2, y + height / 2))) return false; // something is in front
    target.focus({ preventScroll: true });
    target.click();
    return true;
  },
})
