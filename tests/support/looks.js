// Run in a page by tests/support/looks.py: what the eye needs, from computed styles. Returns complaints.
(withFocus) => {
  const complaints = [];
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

  const known = new Map(); // a page has few colours, and asking the canvas takes long
  /** Any CSS colour over an opaque one, as [red, green, blue] of 0 to 255. */
  const over = (colour, below) => {
    const both = `${colour} ${below}`;
    if (!known.has(both)) known.set(both, painted(colour, below));
    return known.get(both);
  };
  const painted = (colour, below) => {
    canvas.fillStyle = `rgb(${below.join(" ")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const page = () => {
    const paper = matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
    return over(getComputedStyle(document.body).backgroundColor, over(getComputedStyle(document.documentElement).backgroundColor, paper));
  };
  /** What is painted under an element's place: its ancestors' backgrounds. */
  const behind = (element) => (element ? over(getComputedStyle(element).backgroundColor, behind(element.parentElement)) : page());
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [darker, lighter] = [light(one), light(other)].sort((a, b) => a - b);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const named = (element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 110);
  const enough = (what, element, colour, beside) => {
    const has = contrast(over(colour, beside), beside);
    if (has < 3) complaints.push(`${what} ${has.toFixed(2)}:1 (${colour} beside ${beside}): ${named(element)}`);
  };

  const seen = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
    .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled);

  const reds = new Set();
  for (const element of seen) {
    if (withFocus) {
      element.focus({ preventScroll: true });
      if (document.activeElement !== element) complaints.push(`takes no focus: ${named(element)}`);
      const style = getComputedStyle(element);
      if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) complaints.push(`no focus ring: ${named(element)}`);
      else if (parseFloat(style.outlineOffset) < 0) complaints.push(`the focus ring is inside: ${named(element)}`);
      else enough("focus ring", element, style.outlineColor, behind(element.parentElement));
      if (element.matches("[aria-invalid=true]")) reds.add(style.borderTopColor);
      element.blur();
    }
    const style = getComputedStyle(element);
    if (element.matches("[aria-invalid=true]")) reds.add(style.borderTopColor);
    const system = style.appearance !== "none" && element.matches("[type=checkbox], [type=radio]"); // the system draws it
    if (element.matches("input, select, textarea") && !system) {
      enough("border", element, style.borderTopColor, behind(element.parentElement));
      if (element.matches("[type=checkbox]:checked, [type=radio]:checked")) enough("box", element, style.backgroundColor, behind(element.parentElement));
      else enough("border", element, style.borderTopColor, behind(element));
    }
    if (element.matches("select:not([multiple])") && style.appearance === "none" && parseFloat(style.paddingRight) < 32)
      complaints.push(`text runs under the chevron: ${named(element)}`);
  }
  if (reds.size > 1 && !matchMedia("(forced-colors: active)").matches) complaints.push(`invalid fields have several reds: ${[...reds].join(", ")}`);
  return complaints;
}
