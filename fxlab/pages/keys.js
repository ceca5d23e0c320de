"use strict";

// The player's keys, which act while something in it has the focus.
function pressed(player, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { target, key } = event;
  if (target.matches("select, textarea, input[type=number]")) return;
  const range = target.matches("input[type=range]");
  if (act(player, key, target, range, event.shiftKey)) event.preventDefault();
}

// Whether the key means anything here.
function act(player, key, target, range, fine) {
  const low = key.toLowerCase();
  if (key === " ") {
    // A button's own key does what the button says, but one that is chosen already has nothing to do.
    if (target.matches("summary, input[type=checkbox]")) return false;
    if (target.matches("button") && !(target.closest(".versions") && target.getAttribute("aria-pressed") === "true")) return false;
    player.toggle();
  } else if (player.blind.running && player.blind.key(low)) {
    return true;
  } else if (!player.blind.running && /^[1-9]$/.test(key) && Number(key) <= player.data.versions.length) {
    player.choose(Number(key) - 1);
  } else if (low === "l") {
    player.loop(!player.looping);
  } else if (key === "[" || key === "]") {
    player.bound(key === "[" ? "from" : "to");
  } else if (key === "Escape" && player.region) {
    player.mark(null);
  } else if (!range && (key === "ArrowLeft" || key === "ArrowRight")) {
    player.seek(player.position() + (key === "ArrowLeft" ? -1 : 1) * (fine ? 0.1 : 1));
  } else if (!range && key === "Home") {
    player.seek(player.looping && player.region ? player.region.from : 0);
  } else if (!range && key === "End") {
    player.seek(player.looping && player.region ? player.region.to - 1 : player.data.seconds - 1);
  } else {
    return false;
  }
  return true;
}

function keysHelp() {
  const keys = [
    ["Space", "play, pause"], ["1 … 9", "choose a version"], ["← →", "a second back or on; with Shift a tenth"],
    ["L", "loop"], ["[ ]", "begin or end the region here"], ["Esc", "no region"],
    ["A B X", "listen, in the blind test"], ["1 2", "X is A, X is B, in the blind test"],
  ];
  const items = keys.map(([key, text]) => make("li", {}, make("kbd", {}, key), ` ${text}`));
  return make("details", { class: "keys" }, make("summary", {}, "Keys"), make("ul", {}, ...items,
    make("li", {}, "They act while the player has the focus. Drag over the waveform to mark a region.")));
}
