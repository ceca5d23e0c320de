"use strict";

const SWITCH_S = 0.008;
const EDGE_S = 0.003;

// A gain whose moves are straight lines and may be interrupted without a jump.
class Fader {
  constructor(context, value) {
    this.node = context.createGain();
    this.node.gain.value = value;
    Object.assign(this, { start: value, end: value, begin: 0, seconds: 0 });
  }

  at(time) {
    const share = this.seconds > 0 ? Math.min(Math.max((time - this.begin) / this.seconds, 0), 1) : 1;
    return this.start + (this.end - this.start) * share;
  }

  move(value, time, seconds) {
    const { gain } = this.node;
    const now = this.at(time);
    gain.cancelScheduledValues(time); // which takes the line that is on its way, too: it goes again as far as here
    if (this.seconds > 0) gain.linearRampToValueAtTime(now, time);
    else gain.setValueAtTime(now, time);
    gain.linearRampToValueAtTime(value, time + seconds);
    Object.assign(this, { start: now, end: value, begin: time, seconds });
  }
}

// Versions of one sound, all playing in step to the sample, of which one is heard. Works with any audio context.
class Sound {
  constructor(context, buffers, destination) {
    this.context = context;
    this.buffers = buffers.map((buffer) => smoothed(context, buffer));
    this.duration = Math.min(...buffers.map((buffer) => buffer.duration));
    this.levels = buffers.map(() => 1);
    this.heard = 0;
    this.region = null;
    this.offset = 0;
    this.deck = null;
    this.onend = () => {};
    this.faders = buffers.map((_, index) => new Fader(context, index === 0 ? 1 : 0));
    for (const fader of this.faders) fader.node.connect(destination);
    // What is scheduled for a moment that the audio thread has passed already would begin with a jump.
    this.ahead = context.baseLatency ? Math.max(0.005, context.baseLatency) : 0;
  }

  get playing() {
    return this.deck !== null;
  }

  // Seconds into the sound.
  position(time = this.context.currentTime) {
    if (!this.deck) return this.offset;
    const { begin, offset, region } = this.deck;
    const place = offset + Math.max(0, time - begin);
    if (!region || place < region.to) return Math.min(place, this.duration);
    return region.from + ((place - region.from) % (region.to - region.from));
  }

  play() {
    if (!this.deck) this.start(this.offset);
  }

  pause() {
    const time = this.context.currentTime + this.ahead;
    this.offset = this.position(time);
    this.stop(time);
  }

  seek(offset) {
    this.offset = Math.min(Math.max(offset, 0), this.duration);
    if (this.deck) this.start(this.offset);
  }

  // Plays `{from, to}` over and over, the seam crossfaded; null plays to the end and stops.
  repeat(region) {
    const place = this.position(this.context.currentTime + this.ahead);
    this.region = region && { from: this.whole(region.from), to: this.whole(region.to) };
    if (this.deck) this.start(place);
  }

  // The time of the nearest frame: a seam between two would be interpolated.
  whole(time) {
    const rate = this.buffers[0].sampleRate;
    return Math.round(time * rate) / rate;
  }

  choose(index) {
    this.heard = index;
    this.mix();
  }

  // Linear gain of each version.
  balance(levels) {
    this.levels = levels;
    this.mix();
  }

  mix() {
    const time = this.context.currentTime + this.ahead;
    this.faders.forEach((fader, index) => {
      const level = index === this.heard ? this.levels[index] : 0;
      if (fader.end !== level) fader.move(level, time, SWITCH_S);
    });
  }

  start(offset) {
    const { context, region } = this;
    const time = context.currentTime + this.ahead;
    const inside = region ? offset >= region.from && offset < region.to : offset < this.duration;
    const from = inside ? offset : region ? region.from : 0;
    this.stop(time);
    const outputs = this.faders.map((fader) => {
      const edge = new Fader(context, 0);
      edge.node.connect(fader.node);
      edge.move(1, time, SWITCH_S);
      return edge;
    });
    const sources = this.buffers.map((buffer, index) => {
      const source = context.createBufferSource();
      source.buffer = region ? repeated(context, buffer, region) : buffer;
      if (region) Object.assign(source, { loop: true, loopStart: region.from, loopEnd: region.to });
      source.connect(outputs[index].node);
      source.start(time, from);
      return source;
    });
    const deck = { sources, outputs, begin: time, offset: from, region };
    sources[0].onended = () => {
      for (const output of outputs) output.node.disconnect();
      if (this.deck !== deck) return;
      this.deck = null;
      this.offset = 0;
      this.onend();
    };
    this.deck = deck;
  }

  stop(time) {
    if (!this.deck) return;
    for (const output of this.deck.outputs) output.move(0, time, SWITCH_S);
    for (const source of this.deck.sources) source.stop(time + SWITCH_S);
    this.deck = null;
  }
}

// A copy that begins and ends in silence: an excerpt's own edges would click.
function smoothed(context, buffer) {
  const frames = Math.min(Math.round(EDGE_S * buffer.sampleRate), buffer.length >> 1);
  return changed(context, buffer, (samples) => {
    for (let k = 0; k < frames; k++) {
      samples[k] *= k / frames;
      samples[samples.length - 1 - k] *= k / frames;
    }
  });
}

// A copy whose region ends in what comes before its beginning, so that the jump back goes unheard.
function repeated(context, buffer, { from, to }) {
  const first = Math.round(from * buffer.sampleRate);
  const last = Math.min(Math.round(to * buffer.sampleRate), buffer.length);
  const frames = Math.min(Math.round(SWITCH_S * buffer.sampleRate), (last - first) >> 1);
  return changed(context, buffer, (samples, original) => {
    for (let k = 0; k < frames; k++) {
      const share = (k + 1) / frames;
      const before = original[first - frames + k] || 0;
      samples[last - frames + k] = (1 - share) * original[last - frames + k] + share * before;
    }
  });
}

function changed(context, buffer, change) {
  const copy = context.createBuffer(buffer.numberOfChannels, buffer.length, buffer.sampleRate);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const samples = buffer.getChannelData(channel).slice();
    change(samples, buffer.getChannelData(channel));
    copy.copyToChannel(samples, channel);
  }
  return copy;
}
