"""The page in a real browser: it plays, switches, loops, draws, asks nothing of any network and logs no error."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.pages.conftest import COUNTS, EDGES_S, RATE, SECONDS, X

CLOCKS = "[players[0].sound.context.currentTime, players[0].position()]"
PITCH = """
const player = players[0];
player.analyser.fftSize = 8192;
const found = new Float32Array(player.analyser.frequencyBinCount);
player.analyser.getFloatFrequencyData(found);
const top = found.indexOf(Math.max(...found));
return [top * 44100 / 8192, Math.max(...found)];
"""

# The player's own graph, rendered faster than it plays: steps are [time, what to do with `sound`].
RENDER = """
const [names, seconds, steps, done] = [arguments[0], arguments[1], arguments[2], arguments[arguments.length - 1]];
(async () => {
  const player = players[0], rate = player.data.rate;
  const context = new OfflineAudioContext(1, Math.round(seconds * rate), rate);
  const buffers = await Promise.all(player.files.map((file) => context.decodeAudioData(bytesOf(file))));
  const sound = new Sound(context, names.map((index) => buffers[index]), context.destination);
  for (const [time, step] of steps) {
    if (time === 0) RUN[step[0]](sound, step[1]);
    else context.suspend(time).then(() => { RUN[step[0]](sound, step[1]); context.resume(); });
  }
  const samples = (await context.startRendering()).getChannelData(0);
  let text = "";
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  for (let k = 0; k < bytes.length; k += 32768) text += String.fromCharCode(...bytes.subarray(k, k + 32768));
  done(btoa(text));
})().catch((error) => done(String(error)));
"""
RUN = """const RUN = {
  play: (sound) => sound.play(), pause: (sound) => sound.pause(), choose: (sound, index) => sound.choose(index),
  seek: (sound, time) => sound.seek(time),
  repeat: (sound, region) => sound.repeat(region), balance: (sound, levels) => sound.balance(levels),
};
"""


@pytest.fixture
def opened(browser, page):
    browser.get(page.as_uri())
    yield browser
    if is_chromium(browser):
        assert [entry for entry in browser.get_log("browser") if entry["level"] != "INFO"] == []


@pytest.fixture
def chromium(opened):
    """The page in a browser that can be asked about its network and be made a phone's."""
    if not is_chromium(opened):
        pytest.skip("only Chromium's driver can do that")
    return opened


def is_chromium(browser):
    return "chrom" in browser.caps["browserName"].lower()


def rendered(browser, names, seconds, steps):
    """What the versions `names` (indices) sound like together, float32 (frames,)."""
    text = browser.execute_async_script(RUN + RENDER, names, seconds, steps)
    return np.frombuffer(base64.b64decode(text), np.float32)


def keys(browser, *pressed):
    """Keys to whatever has the focus."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser, duration=0).send_keys(*pressed).perform()


def state(browser, what):
    return browser.execute_script(f"return {what}")


def until(browser, what, seconds=60):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, seconds, poll_frequency=0.05).until(lambda opened: state(opened, what))


def focus(browser):
    browser.execute_script("document.querySelector('.wave').focus()")


def test_it_plays_and_switches_by_keys(opened):
    focus(opened)
    keys(opened, " ")
    until(opened, "players[0].sound && players[0].sound.playing && players[0].position() > 0.3")
    loudness = []
    for key, hz in (("1", 200), ("2", 400), ("3", 800), ("1", 200)):
        began, before = state(opened, CLOCKS)
        keys(opened, key)
        # The analyser's window must hold nothing but the version chosen.
        moment = state(opened, "players[0].sound.context.currentTime")
        until(opened, f"players[0].sound.context.currentTime > {moment} + 0.35")
        pitch, level = opened.execute_script(PITCH)
        assert pitch == pytest.approx(hz, abs=12)
        now, position = state(opened, CLOCKS)
        astray = (position - before) - (now - began)  # 0 but for whole loops: it went on, it didn't begin anew
        assert abs(astray - SECONDS * round(astray / SECONDS)) < 0.1
        loudness.append(level)
    assert state(opened, "document.querySelector('.wave').getAttribute('aria-valuetext')").endswith("of 4.0 seconds")
    keys(opened, " ")
    place = state(opened, "players[0].position()")
    assert state(opened, "[players[0].sound.playing, players[0].position()]") == [False, place]
    keys(opened, " ")
    until(opened, f"players[0].sound.playing && players[0].position() !== {place}")
    keys(opened, " ")


def test_keys_act_only_in_the_player(opened):
    opened.execute_script("document.querySelector('.chart .plot').focus()")
    keys(opened, " ", "3", "l")
    assert state(opened, "[players[0].sound, players[0].chosen, players[0].looping]") == [None, 0, True]
    focus(opened)
    keys(opened, "3", "l")
    assert state(opened, "[players[0].chosen, players[0].looping]") == [2, False]


def test_seeking_and_the_region_by_keys_and_by_the_pointer(opened):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    focus(opened)
    keys(opened, Keys.ARROW_RIGHT, "[", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "]", Keys.ARROW_LEFT)
    assert state(opened, "[players[0].position(), players[0].region]") == [2, {"from": 1, "to": 3}]
    keys(opened, Keys.ESCAPE)
    assert state(opened, "players[0].region") is None
    wave = opened.find_element("css selector", ".wave")
    wide = wave.size["width"]
    ActionChains(opened, duration=0).move_to_element_with_offset(wave, -wide // 4, 0).click_and_hold().move_by_offset(
        wide // 4, 0
    ).release().perform()
    region = state(opened, "players[0].region")
    assert [region["from"], region["to"]] == pytest.approx([1, 2], abs=0.05)
    assert state(opened, "players[0].position()") == 2  # a drag doesn't seek
    ActionChains(opened, duration=0).move_to_element_with_offset(wave, wide // 4, 0).click().perform()
    assert state(opened, "players[0].position()") == pytest.approx(3, abs=0.05)


def test_switching_has_no_gap_and_no_click(opened):
    # Between a sound and itself a switch can't be heard; in what order the versions were mixed doesn't matter.
    steps = [[0, ["play", None]]] + [[0.5 + 0.1 * k, ["choose", (k + 1) % 2]] for k in range(5)]
    audio = rendered(opened, [1, 1], 1.5, steps)
    straight = rendered(opened, [1, 1], 1.5, [[0, ["play", None]]])
    assert np.max(np.abs(audio - straight)) < 1e-6 and np.max(np.abs(straight)) > 0.25
    steps = [[0, ["play", None]]] + [[0.5 + 0.1003 * k, ["choose", (k + 1) % 3]] for k in range(8)]
    audio = rendered(opened, [0, 1, 2], 1.5, steps)
    assert np.max(np.abs(np.diff(audio))) < 1.1 * 0.6 * 2 * np.pi * 800 / RATE  # never steeper than the steepest sine
    frames = audio[RATE // 10 :].reshape(-1, RATE // 100)
    assert np.min(np.max(np.abs(frames), axis=1)) > 0.09


def test_versions_play_in_step_to_the_sample(opened):
    alone = rendered(opened, [2], 1.0, [[0, ["play", None]]])
    switched = rendered(opened, [0, 2], 1.0, [[0, ["play", None]], [0.3, ["choose", 1]]])
    late = slice(int(0.33 * RATE), None)
    np.testing.assert_allclose(switched[late], alone[late], atol=1e-6)


def test_the_seam_of_a_loop_seeking_and_pausing_do_not_click(opened):
    region = {"from": 1.0003, "to": 1.3011}
    audio = rendered(opened, [2], 1.4, [[0, ["repeat", region]], [0, ["play", None]]])
    assert np.max(np.abs(np.diff(audio))) < 1.15 * 0.6 * 2 * np.pi * 800 / RATE
    period = round(region["to"] * RATE) - round(region["from"] * RATE)
    np.testing.assert_allclose(audio[2000 : 2000 + period], audio[2000 + period : 2000 + 2 * period], atol=2e-3)
    steps = [
        [0, ["play", None]],
        [0.4, ["seek", 2.123]],
        [0.6, ["repeat", region]],
        [0.9, ["pause", None]],
        [1.0, ["play", None]],
    ]
    audio = rendered(opened, [2], 1.4, steps)
    assert np.max(np.abs(np.diff(audio))) < 1.15 * 0.6 * (2 * np.pi * 800 / RATE + 1 / (0.008 * RATE))
    assert np.max(np.abs(audio[int(0.92 * RATE) : int(0.99 * RATE)])) == 0


@pytest.mark.parametrize("seconds", [0.008, 0.02])
def test_a_fader_that_is_moved_again_on_its_way_does_not_click(opened, seconds):
    script = """
    const [seconds, done] = arguments;
    (async () => {
      const context = new OfflineAudioContext(1, 4410, 44100), source = context.createConstantSource();
      const fader = new Fader(context, 1);
      source.connect(fader.node).connect(context.destination);
      source.start();
      fader.move(0, 0.01, seconds);
      for (const [at, value] of [[0.6, 1], [0.9, 0.2], [1.7, 0.9]]) {
        const time = 0.01 + at * seconds;
        context.suspend(time - 0.004).then(() => { fader.move(value, time, seconds); context.resume(); });
      }
      const sound = (await context.startRendering()).getChannelData(0);
      let most = 0;
      for (let k = 1; k < sound.length; k++) most = Math.max(most, Math.abs(sound[k] - sound[k - 1]));
      done(most);
    })().catch((error) => done(String(error)));
    """
    most = opened.execute_async_script(script, seconds)
    assert 0 < most < 1.5 / (seconds * RATE)


def test_loudness_is_matched_within_a_tenth_of_a_decibel(opened):
    from fxlab.audio.loudness import integrated_lufs

    gains = state(opened, "players[0].levels()")
    loud = []
    for index in range(3):
        audio = rendered(opened, [index], 2.0, [[0, ["balance", [gains[index]]]], [0.1, ["play", None]]])
        loud.append(integrated_lufs(audio[None, RATE // 2 :], RATE))
    assert np.ptp(loud) < 0.1
    opened.execute_script("document.querySelector('.player input[type=checkbox]').focus()")
    keys(opened, " ")
    assert state(opened, "players[0].levels()") == [1, 1, 1]


def test_the_blind_test_counts_and_tells_at_the_end(opened):
    opened.execute_script("players[0].blind.open()")
    opened.execute_script("document.querySelector('.test .begin').focus()")
    keys(opened, "\ue007")
    until(opened, "players[0].sound && players[0].sound.playing")
    blind = "players[0].blind"
    wrong = (2, 5, 9)
    for trial in range(10):
        assert state(opened, "document.querySelector('.test .message').textContent") == f"Trial {trial + 1} of 10."
        assert state(opened, f"[{blind}.letter, players[0].sound.heard]") == ["A", 1]
        x = state(opened, f"{blind}.x")
        keys(opened, "x")
        assert state(opened, "players[0].sound.heard") == [1, 2][x]
        keys(opened, "b", "a", str(1 + (x ^ (trial in wrong))))
    said = state(opened, "document.querySelector('.test .message').textContent")
    chance = binomtest(7, 10, alternative="greater").pvalue
    assert said.startswith("7 of 10 right.") and f"{100 * chance:.3g} %" in said
    text = state(opened, "document.querySelector('.test textarea').value")
    assert text.count("\tright") == 7 and text.count("\twrong") == 3 and "A: b" in text and "B: c" in text
    assert not state(opened, f"{blind}.running")
    for right, trials in ((0, 10), (10, 10), (16, 24), (60, 100)):
        expected = binomtest(right, trials, alternative="greater").pvalue
        assert state(opened, f"guessing({right}, {trials})") == pytest.approx(expected, rel=1e-9)
    drawn = state(opened, "Array.from({length: 2000}, coin).reduce((a, b) => a + b)")
    assert binomtest(drawn, 2000).pvalue > 1e-9


def test_the_blind_test_tells_after_each_where_wanted_and_needs_two_versions(opened):
    opened.execute_script(
        "const b = players[0].blind; b.open(); b.tell.checked = true; b.second.value = b.first.value; b.begin()"
    )
    assert "two different" in state(opened, "document.querySelector('.test .message').textContent")
    opened.execute_script("const b = players[0].blind; b.second.value = '0'; b.count.value = '2'; b.begin(); b.answer(b.x)")
    assert state(opened, "document.querySelector('.test .right').textContent").startswith("Right: X was")
    opened.execute_script("players[0].blind.end()")
    assert "1 of 1 right" in state(opened, "document.querySelector('.test textarea').value")


def test_curves_are_drawn_and_read(opened):
    chart = "document.querySelector('[data-kind=curves]')"
    assert state(opened, f"[...{chart}.querySelectorAll('path.curve')].map((path) => path.getTotalLength() > 300)") == [
        True,
        True,
    ]
    ticks = state(opened, f"[...{chart}.querySelectorAll('svg text')].map((text) => text.textContent)")
    assert {"20", "50", "100", "1k", "10k", "20k", "Hz", "dB"} <= set(ticks)
    opened.execute_script(f"{chart}.querySelector('.plot').focus()")
    keys(opened, *["\ue014"] * 11)
    y = np.linspace(0, -60, 61)[10]
    expected = f"{X[10]:.4g} Hz|flat: −6 dB|slope: −{-y:.4g} dB"
    read = f"[...{chart}.querySelector('.readout').children].map((one) => one.textContent).join('|')"
    assert state(opened, read) == expected
    opened.execute_script(f"""const plot = {chart}.querySelector('.plot'), box = plot.getBoundingClientRect();
        plot.dispatchEvent(new PointerEvent('pointermove', {{ clientX: box.right - 15, clientY: box.top + 50 }}))""")
    assert state(opened, read) == "20 kHz|flat: −6 dB|slope: −60 dB"
    opened.execute_script(f"{chart}.querySelector('.legend button').click()")
    assert state(opened, f"{chart}.querySelectorAll('path.curve').length") == 1
    assert state(opened, f"{chart}.querySelector('.legend button').getAttribute('aria-pressed')") == "false"


def test_histograms_are_drawn_and_read(opened):
    chart = "document.querySelector('[data-kind=histogram]')"
    assert state(opened, f"{chart}.querySelectorAll('path.bars').length") == 2
    marks = state(opened, f"[...{chart}.querySelectorAll('.mark-name')].map((text) => text.textContent)")
    assert marks == ["p99 1 ms", "deadline 2.9 ms"]  # the deadline that both have is told once
    first = int(np.flatnonzero(COUNTS)[0])
    opened.execute_script(f"{chart}.querySelector('.plot').focus()")
    keys(opened, *["\ue014"] * 8)
    told = state(opened, f"[...{chart}.querySelector('.readout').children].map((one) => one.textContent)")
    k = first + 7
    share, above = COUNTS[k] / 5000, COUNTS[k + 1 :].sum() / 5000
    assert told[0].startswith(f"{EDGES_S[k] * 1e6:.4g} µs to ")
    assert told[1] == f"on time: {COUNTS[k]} of 5000 ({100 * share:.3g} %), {100 * above:.3g} % above"


def test_a_name_has_one_colour_on_the_page_and_neighbours_differ(opened):
    first, again, many = state(
        opened, "[['new', 'other'], ['third', 'other', 'new'], [...Array(20).keys()].map(String)].map(looksOf)"
    )
    assert again[1:] == first[::-1] and again[0] not in first
    assert len(set(many)) == 16  # eight colours, each with and without dashes
    player, elsewhere = state(opened, "[players[0].looks[0], looksOf([players[0].data.versions[0].name])[0]]")
    assert player == elsewhere


def test_tables_sort_by_keys(opened):
    column = "[...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent).join('')"
    opened.execute_script("document.querySelectorAll('th button')[1].focus()")
    keys(opened, "\ue007")
    assert state(opened, column) == "abc"
    keys(opened, "\ue007")
    assert state(opened, column) == "bac"  # what has no value stays last
    assert state(opened, "document.querySelectorAll('th')[1].getAttribute('aria-sort')") == "descending"


def test_nothing_is_asked_of_a_network(chromium):
    chromium.get_log("performance")
    chromium.refresh()
    chromium.execute_script("players[0].toggle()")
    until(chromium, "players[0].sound && players[0].sound.playing")
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert len([url for url in asked if url.startswith("file:")]) <= 1  # the page itself
    assert "1" not in chromium.title[:1] and chromium.title.startswith("A page </title>")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_phone_by_day_and_by_night(chromium, scheme):
    chromium.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    )
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    chromium.refresh()
    chromium.execute_script("players[0].blind.open()")
    assert state(chromium, "[innerWidth, document.documentElement.scrollWidth]") == [360, 360]
    look = "const style = getComputedStyle(document.querySelector('{}')); return [style.color, style.backgroundColor]"
    for place in ("body", ".controls .play"):
        front, back = (brightness(colour) for colour in chromium.execute_script(look.format(place)))
        assert (max(front, back) + 0.05) / (min(front, back) + 0.05) > 4.5  # WCAG 2.1, AA
        if place == "body":
            assert (back < 0.05) == (scheme == "dark")
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_scripts_there_are_tables_pictures_and_sounds(chromium):
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chromium.refresh()
        shown = [one.is_displayed() for one in chromium.find_elements("css selector", "audio, table, img")]
    finally:
        chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown == [True] * 5


def brightness(colour):
    """Relative luminance (WCAG 2.1) of rgb(...)."""
    parts = np.array([float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
