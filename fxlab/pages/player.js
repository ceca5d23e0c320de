"use strict";

const contexts = new Map();

// Audio contexts run at the sounds' own rate: nothing is resampled between two versions.
function contextAt(rate) {
  if (!contexts.has(rate)) contexts.set(rate, new AudioContext({ sampleRate: rate }));
  return contexts.get(rate);
}

// Versions of one sound: switched while they play, matched in loudness, looped, and told apart blindly.
class Player {
  constructor(element) {
    this.element = element;
    this.data = dataOf(element);
    this.plain = element.querySelector(".plain");
    this.files = [...this.plain.querySelectorAll("audio")].map((audio) => audio.src);
    this.chosen = 0;
    this.region = null;
    this.looping = true;
    this.matched = true;
    this.volume = 1;
    this.sound = null;
    this.repeated = "null";
    this.build();
    this.plain.hidden = true;
    this.refresh();
  }

  build() {
    const { data, element } = this;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", `Player: ${element.dataset.title}`);
    element.setAttribute("tabindex", "-1");
    this.wave = new Wave({
      seconds: data.seconds,
      label: "Position",
      onseek: (time) => this.seek(time),
      onregion: (region) => this.mark(region),
    });
    const button = (text, title, onclick) => make("button", { type: "button", title, onclick }, text);
    this.playButton = make("button", { type: "button", class: "play", onclick: () => this.toggle() }, "▶ Play");
    this.time = make("span", { class: "time" });
    this.loopButton = button("Loop", "Repeat the region, or all (L)", () => this.loop(!this.looping));
    this.startButton = button("Start here", "The region begins at this moment ([)", () => this.bound("from"));
    this.endButton = button("End here", "The region ends at this moment (])", () => this.bound("to"));
    this.wholeButton = button("Whole", "No region (Escape)", () => this.mark(null));
    this.volumeRange = make("input", { type: "range", min: "0", max: "1", step: "0.01", value: "1", oninput: () => this.louder() });
    this.matchBox = make("input", { type: "checkbox", onchange: () => this.match(this.matchBox.checked) });
    this.matchBox.checked = true;
    this.looks = looksOf(data.versions.map((version) => version.name));
    this.versionButtons = data.versions.map((version, index) => make(
      "button",
      { type: "button", class: this.looks[index], "data-version": index, onclick: () => this.choose(index) },
      make("kbd", {}, index < 9 ? String(index + 1) : "·"), make("span", { class: "name" }, version.name), make("span", { class: "gain" }),
    ));
    this.versions = make("div", { class: "versions", role: "group", "aria-label": "Version heard" }, ...this.versionButtons);
    this.message = make("p", { class: "message", role: "status" });
    this.testButton = make("button", { type: "button", "aria-expanded": "false", onclick: () => this.blind.open() }, "Blind test");
    this.blind = new BlindTest(this);
    element.append(
      this.wave.element,
      make("div", { class: "controls" },
        this.playButton, this.time, this.loopButton, this.startButton, this.endButton, this.wholeButton,
        make("span", { class: "spring" }), make("label", {}, "Volume", this.volumeRange)),
      this.versions,
      make("div", { class: "controls" },
        make("label", {}, this.matchBox, "Same loudness"), make("span", { class: "spring" }), this.testButton),
      this.message,
      this.blind.element,
      keysHelp(),
    );
    element.addEventListener("keydown", (event) => pressed(this, event));
    element.addEventListener("pointerdown", (event) => {
      if (!event.target.closest("button, input, select, textarea, summary, .wave")) element.focus({ preventScroll: true });
    });
  }

  // Decoded when it is first needed: a page of many players stays light.
  async ready() {
    if (this.sound) return this.sound;
    this.message.textContent = "Loading …";
    const context = contextAt(this.data.rate);
    const buffers = await Promise.all(this.files.map((file) => context.decodeAudioData(bytesOf(file))));
    if (this.sound) return this.sound;
    this.analyser = context.createAnalyser();
    this.master = new Fader(context, this.volume);
    this.master.node.connect(this.analyser);
    this.analyser.connect(context.destination);
    const sound = new Sound(context, buffers, this.master.node);
    sound.onend = () => this.refresh();
    sound.seek(this.wanted || 0);
    this.sound = sound;
    this.message.textContent = "";
    this.apply();
    return sound;
  }

  async toggle() {
    try {
      const sound = await this.ready();
      if (sound.playing) {
        sound.pause();
      } else {
        for (const other of players) if (other !== this) other.sound?.pause();
        await sound.context.resume();
        sound.play();
      }
    } catch (error) {
      this.message.textContent = `These sounds can't be played here: ${error.message || error}`;
      this.plain.hidden = false;
      console.error(error);
    }
    for (const player of players) player.refresh();
    this.follow();
  }

  position() {
    return this.sound ? this.sound.position() : this.wanted || 0;
  }

  seek(time) {
    this.wanted = Math.min(Math.max(time, 0), this.data.seconds);
    this.sound?.seek(this.wanted);
    this.refresh();
  }

  mark(region) {
    this.region = region;
    this.message.textContent = "";
    if (region) this.looping = true;
    this.apply();
  }

  bound(side) {
    const region = { ...(this.region || { from: 0, to: this.data.seconds }), [side]: this.position() };
    if (region.to - region.from >= SHORTEST_S) this.mark(region);
    else this.message.textContent = "The region would be too short.";
  }

  loop(on) {
    this.looping = on;
    this.apply();
  }

  choose(index) {
    if (this.blind.running) return;
    this.chosen = index;
    this.apply();
  }

  match(on) {
    this.matched = on;
    this.apply();
  }

  louder() {
    this.volume = Number(this.volumeRange.value) ** 2; // ears hear ratios
    if (this.sound) this.master.move(this.volume, this.sound.context.currentTime + this.sound.ahead, 0.02);
  }

  // What is heard: the version chosen, or the one the blind test plays now.
  hears() {
    return this.blind.running ? this.blind.playing() : this.chosen;
  }

  levels() {
    const matched = this.matched || this.blind.running;
    return this.data.versions.map((version) => (matched ? 10 ** (version.gainDb / 20) : 1));
  }

  // Hands all settings to the sound that changed since.
  apply() {
    const { sound } = this;
    if (sound) {
      sound.heard = this.hears();
      sound.balance(this.levels());
      const region = this.looping ? this.region || { from: 0, to: sound.duration } : null;
      const wanted = JSON.stringify(region);
      if (wanted !== this.repeated) sound.repeat(region);
      this.repeated = wanted;
    }
    this.refresh();
  }

  refresh() {
    const playing = Boolean(this.sound?.playing);
    const { versions, seconds } = this.data;
    const { blind } = this;
    this.playButton.textContent = playing ? "❚❚ Pause" : "▶ Play";
    press(this.loopButton, this.looping);
    this.wholeButton.disabled = !this.region;
    this.wave.set(this.region, this.looping);
    this.versions.hidden = this.testButton.disabled = blind.running;
    this.matchBox.disabled = blind.running;
    this.matchBox.checked = this.matched || blind.running;
    const levels = this.levels();
    this.versionButtons.forEach((button, index) => {
      press(button, index === this.chosen);
      const gain = versions[index].gainDb;
      button.querySelector(".gain").textContent = this.matched ? `${number(Math.round(gain * 10) / 10)} dB` : "as it is";
    });
    // The waveform must not tell what X is.
    if (blind.running) {
      const [first, second] = blind.pair;
      const tall = versions[first].wave.map((peak, k) => Math.max(peak * levels[first], (versions[second].wave[k] || 0) * levels[second]));
      this.wave.picture(tall, 1, "c7");
    } else {
      this.wave.picture(versions[this.chosen].wave, levels[this.chosen], this.looks[this.chosen]);
    }
    const position = this.position();
    this.wave.place(position);
    this.time.textContent = `${clock(position)} / ${clock(seconds)}`;
  }

  // Moves the cursor while the sound plays; in steps for those who want less motion.
  follow() {
    if (this.following) return;
    this.following = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let last = -Infinity;
    const step = (now) => {
      if (!this.sound?.playing) {
        this.following = false;
        return;
      }
      if (!calm.matches || now - last > 250) {
        last = now;
        const position = this.position();
        this.wave.place(position);
        this.time.textContent = `${clock(position)} / ${clock(this.data.seconds)}`;
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}

function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

// Nothing is fetched, not even from the page itself: its policy forbids it.
function bytesOf(uri) {
  const text = atob(uri.slice(uri.indexOf(",") + 1));
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes.buffer;
}
