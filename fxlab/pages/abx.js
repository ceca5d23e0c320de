"use strict";

// A/B/X: which of two versions is X? Drawn anew for each trial; told at the end, with how likely guessing does so well.
class BlindTest {
  constructor(player) {
    this.player = player;
    this.names = player.data.versions.map((version) => version.name);
    this.running = false;
    this.pair = [0, 1];
    this.build();
  }

  build() {
    const last = this.names.length - 1;
    const select = (chosen) => make("select", {}, ...this.names.map((name, index) => make("option", { value: index, selected: index === chosen }, name)));
    this.first = select(Math.max(last - 1, 0));
    this.second = select(last);
    this.count = make("input", { type: "number", min: "1", max: "100", step: "1", value: "10" });
    this.tell = make("input", { type: "checkbox" });
    this.heading = make("h3", {}, "Blind test: which one is X?");
    this.status = make("p", { class: "message", role: "status" });
    this.setup = make("div", {},
      make("div", { class: "controls" },
        make("label", { class: "above" }, "A", this.first), make("label", { class: "above" }, "B", this.second),
        make("label", { class: "above" }, "Trials", this.count)),
      make("div", { class: "controls" },
        make("label", {}, this.tell, "Tell after each trial"), make("span", { class: "spring" }),
        make("button", { type: "button", class: "begin", onclick: () => this.begin() }, "Begin")));
    const key = (letter) => make("kbd", { "aria-hidden": "true" }, letter);
    this.buttons = [..."ABX"].map((letter) =>
      make("button", { type: "button", "data-letter": letter, onclick: () => this.listen(letter) }, `Hear ${letter}`, key(letter)));
    this.answers = ["A", "B"].map((letter, index) =>
      make("button", { type: "button", "data-answer": index, onclick: () => this.answer(index) }, `X is ${letter}`, key(String(index + 1))));
    this.trial = make("div", { hidden: true },
      make("div", { class: "versions", role: "group", "aria-label": "Sound heard" }, ...this.buttons),
      make("div", { class: "versions answers", role: "group", "aria-label": "Your answer" }, ...this.answers),
      make("div", { class: "controls" }, make("button", { type: "button", class: "small", onclick: () => this.end() }, "End the test now")));
    this.text = make("textarea", { readonly: true, "aria-label": "Results as text" });
    const copy = make("button", { type: "button", onclick: () => copyText(this.text.value, copy) }, "Copy");
    this.results = make("div", { hidden: true }, this.text,
      make("div", { class: "controls" }, copy, make("button", { type: "button", onclick: () => this.again() }, "Another test")));
    this.element = make("div", { class: "test", hidden: true }, this.heading, this.status, this.setup, this.trial, this.results);
  }

  open() {
    const open = this.element.hidden;
    if (!open && this.running) return;
    this.element.hidden = !open;
    this.player.testButton.setAttribute("aria-expanded", String(open));
    if (open) this.again();
  }

  again() {
    this.show(this.setup);
    this.status.textContent = "Listen to A, B and X as often as you like, then say which one X is. The loudness is matched.";
  }

  show(panel) {
    for (const one of [this.setup, this.trial, this.results]) one.hidden = one !== panel;
  }

  begin() {
    const pair = [Number(this.first.value), Number(this.second.value)];
    const wanted = Math.round(Number(this.count.value));
    if (pair[0] === pair[1]) {
      this.status.textContent = "Choose two different versions.";
      return;
    }
    if (!(wanted >= 1 && wanted <= 100)) {
      this.status.textContent = "Choose 1 to 100 trials.";
      return;
    }
    Object.assign(this, { pair, wanted, given: [], running: true });
    this.show(this.trial);
    this.next("");
    this.player.wave.element.focus({ preventScroll: true });
    if (!this.player.sound?.playing) this.player.toggle();
  }

  // Each trial begins with A: going on with X would give away whether it changed.
  next(told) {
    this.x = coin();
    this.status.replaceChildren(...(told ? [told, " "] : []), `Trial ${this.given.length + 1} of ${this.wanted}.`);
    this.listen("A");
  }

  playing() {
    return this.pair[this.letter === "X" ? this.x : this.letter === "B" ? 1 : 0];
  }

  listen(letter) {
    this.letter = letter;
    for (const button of this.buttons) press(button, button.dataset.letter === letter);
    this.player.apply();
  }

  answer(said) {
    const right = said === this.x;
    this.given.push({ x: this.x, said });
    const told = this.tell.checked
      ? make("span", { class: right ? "right" : "wrong" }, `${right ? "Right" : "Wrong"}: X was ${"AB"[this.x]}.`)
      : "";
    if (this.given.length === this.wanted) this.end(told);
    else this.next(told);
  }

  end(told = "") {
    this.running = false;
    this.player.apply();
    if (!this.given.length) {
      this.again();
      return;
    }
    const trials = this.given.length;
    const right = this.given.filter(({ x, said }) => x === said).length;
    const sentence = `${right} of ${trials} right. ${verdict(right, trials)}`;
    this.status.replaceChildren(...(told ? [told, " "] : []), sentence);
    this.text.value = this.report(sentence);
    this.show(this.results);
    this.element.querySelector("textarea").focus({ preventScroll: true });
  }

  report(sentence) {
    const [a, b] = this.pair.map((index) => this.names[index]);
    const stopped = this.given.length < this.wanted ? ` (${this.wanted} were planned)` : "";
    return [
      `Blind A/B/X test: ${this.player.element.dataset.title} (${document.title})`,
      `A: ${a}`,
      `B: ${b}`,
      `${sentence}${stopped}`,
      "Loudness matched. Trial, X, answer:",
      ...this.given.map(({ x, said }, k) => `${k + 1}\t${"AB"[x]}\t${"AB"[said]}\t${x === said ? "right" : "wrong"}`),
    ].join("\n");
  }

  key(key) {
    if (/^[abx]$/.test(key)) this.listen(key.toUpperCase());
    else if (key === "1" || key === "2") this.answer(Number(key) - 1);
    else return false;
    return true;
  }
}

function coin() {
  return crypto.getRandomValues(new Uint8Array(1))[0] & 1;
}

// Probability of at least so many right answers out of so many by guessing.
function guessing(right, trials) {
  let ways = 1, sum = 0;
  for (let k = 0; k <= trials; k++) {
    if (k >= right) sum += ways;
    ways = ways * (trials - k) / (k + 1);
  }
  return sum / 2 ** trials;
}

function verdict(right, trials) {
  const chance = guessing(right, trials);
  const heard = chance < 0.05 ? "Such a result is hardly guessed." : "That may well be guessed.";
  return `Guessing does so well with a probability of ${percent(chance)}. ${heard}`;
}
