"""ACE, auditory contrast enhancement: what stands out to the ear stands out more, in time and in frequency.

After Weger, Hermann and Hoeldrich, "Real-time Auditory Contrast Enhancement", ICAD 2019 (doi 10.21785/icad2019.026), written
from its equations. The one definition that the NumPy, Numba and torch forms execute, for input x at rate fs:

Time is cut into intervals of N samples, a third of a millisecond (`bank.interval_of`); gains are computed once an interval.
One-pole followers move by y += (1 - a) (x - y) with a = exp(-1 / (tau f)), f being how often they are updated: LP always so,
env_a only upwards (it falls at once), env_d only downwards (it rises at once).

    s      = highpass(x)                                             second order, Butterworth
    TCE      (temporal contrast, every sample)
    h      = highpass(s) at tce_highpass_hz, second order
    d      = env_d(mean over channels of |h|, tce_decay_ms),  a = env_a(d, tce_attack_ms),  t = max(d - a - threshold, 0)
    tce    = carrier t / (env_d(t, tce_decay_ms) + delta)
    SCE      (spectral contrast, every interval; c_k are complex gammatone bands of s, see `bank`)
    e_k    = sqrt(shelf(f_k)^2 mean |c_k|^2 + n_k^2)                 over interval and channels; n_k: noise_floor_db in the band
    e'_k   = LP(e_k, li_smoothing_ms),  T_k = sqrt(sum_i w_ki e'_i^2) + delta
    u_k    = e_k min(1, (e'_k / T_k)^li_strength)                    lateral inhibition; w Gaussian over ERB, w_kk = 0, sum 1
    u'_k   = LP(u_k, ex_smoothing_ms),  M = max u'_k
    v_k    = u_k min((u'_k / (ex_threshold M))^ex_strength, M / u'_k)                                          expansion
    b_k    = env_a(v_k, dp_attack_ms),  p_k = env_d(b_k, T60 of dp_decay_s min(1, dp_cutoff_hz / f_k)) + v_k - b_k
    g_k    = min(LP(p_k, gain_smoothing_ms) / (LP(e_k, gain_smoothing_ms) + delta), cap_k),  cap_k = max(p_k, e_k) / (e_k + delta)
    sce    = sum over k of the aligned band Re(w_k c_k) band_k g_k,  g_k moving linearly through its interval
    out    = output ((1 - mix) x + mix highpass((1 - sce_share) tce + sce_share sce)),  all delayed alike

Where the sources leave a choice or are at odds, this is what fxlab chose: `time_constants` "tau" takes times as 1 - 1/e,
"synthdef" makes those of env_a and env_d three times as long, as the original SuperCollider patch effectively does (the decay
prolongation's T60 is one in both). `tce_carrier` is h ("highpassed", as in that patch) or s ("full", as in the paper), which cuts
sustained low tones into clicks. The width of w is in ERB, whatever the
number of bands. The shelf and the noise floor are heard by the detectors only, so that nothing has to be undone and no noise is
added. cap_k, which isn't in the paper, keeps a gain that prolonged a faded sound from bursting upon the next one. The factors of
inhibition and expansion end at -200 dB. `band1_db` to `band8_db` are relative: their mean over the bands is taken out, since
`sce_share` and `output_db` already set the level.

`adapt` measures, over about a second, how far the loud bands stand out of their neighbours, C = <sum e'^2 20 lg(e' / T)> /
<sum e'^2> in dB, and how much of the envelope is transient, Q = <t> / <d>. li_strength and ex_strength are multiplied by
2 / (1 + exp((C - 3) / 2)), the weight of tce by 2 / (1 + exp((Q - 0.02) / 0.02)): what lacks contrast is helped, what has it is
left alone.
"""

from fxlab.effects.params import Choice, Param
from fxlab.effects.registry import Effect

MACRO_BANDS = 8

_SCALARS = (
    Param("highpass_hz", 50, 20, 1000, "Hz", "High-pass of the input, and of the enhanced signal.", "log"),
    Param("tce_highpass_hz", 4000, 100, 20_000, "Hz", "Temporal contrast listens to what lies above this.", "log"),
    Param("tce_attack_ms", 3, 1, 100, "ms", "Temporal contrast: how soon a rise counts as going on.", "log"),
    Param("tce_decay_ms", 7, 1, 100, "ms", "Temporal contrast: how soon an envelope falls.", "log"),
    Param("tce_threshold_db", -40, -80, 0, "dB", "Temporal contrast: rises of less are left out.", "db"),
    Param("shelf_hz", 8000, 1000, 20_000, "Hz", "Middle of the high shelf that the detectors hear through.", "log"),
    Param("shelf_q", 0.7, 0.1, 2, "", "Steepness of that shelf.", "log"),
    Param("shelf_db", 0, -20, 20, "dB", "Gain of that shelf; more lets high bands win against low ones.", "db"),
    Param("noise_floor_db", -96, -120, -60, "dB", "Noise that the detectors hear: what lies below counts as silence.", "db"),
    Param("delta_db", -96, -120, -60, "dB", "Regularisation of quotients; sounds below fade out.", "db"),
    Param("li_smoothing_ms", 7, 1, 50, "ms", "Lateral inhibition: time over which bands are compared.", "log"),
    Param("li_strength", 30, 0, 100, "", "Lateral inhibition: exponent; bands below their neighbours vanish."),
    Param("li_width_erb", 3, 0.5, 10, "ERB", "Lateral inhibition: how far neighbours reach (standard deviation).", "log"),
    Param("ex_smoothing_ms", 7, 1, 100, "ms", "Expansion: time over which bands are compared.", "log"),
    Param("ex_strength", 8, 0, 20, "", "Expansion: exponent; what is below the loudest band sinks."),
    Param("ex_threshold_db", -3, -24, 0, "dB", "Expansion: bands no farther below the loudest are lifted to it.", "db"),
    Param("dp_attack_ms", 7, 1, 100, "ms", "Decay prolongation: sounds shorter than this aren't prolonged.", "log"),
    Param("dp_decay_s", 0.5, 0, 5, "s", "Decay prolongation: time to fall by 60 dB below dp_cutoff_hz; 0 is off."),
    Param("dp_cutoff_hz", 1000, 100, 20_000, "Hz", "Decay prolongation: shorter and shorter above this.", "log"),
    Param("gain_smoothing_ms", 2, 0.5, 20, "ms", "Time over which the gains of the bands move.", "log"),
    Param("sce_share", 0.5, 0, 1, "", "0 is temporal contrast alone, 1 spectral contrast alone."),
    Param("mix", 1, 0, 1, "", "Share of the enhanced signal, the rest is dry."),
    Param("output_db", 0, -24, 24, "dB", "Gain of the output.", "db"),
)
_BANDS = tuple(
    Param(f"band{n}_db", 0, -12, 12, "dB", f"Spectral contrast: gain of the {which} eighth of its bands, from below.", "db")
    for n, which in enumerate(("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "last"), 1)
)
LEARNABLE = tuple(parameter.name for parameter in (*_SCALARS, *_BANDS))
"""What a trained ACE learns; the other parameters say how it is built."""

EFFECT = Effect(
    name="ace",
    help="Auditory contrast enhancement: transients and spectral peaks stand out, decays last longer.",
    parameters=(
        *_SCALARS,
        *_BANDS,
        Choice("bands", 60, (16, 24, 32, 40, 48, 60, 64), "Gammatone bands from 50 Hz to 22.05 kHz or half the rate."),
        Choice("latency_ms", 8, (4, 8, 16, 32), "Delay of the bands; 4 lets 60 bands ripple by 1.5 dB, 8 by 0.3, 16 by 0.2."),
        Choice("adapt", False, (False, True), "Set the strengths by what is heard: more where contrast lacks."),
        Choice(
            "time_constants",
            "tau",
            ("tau", "synthdef"),
            "synthdef: attacks and decays take three times as long, as in the original.",
        ),
        Choice(
            "tce_carrier",
            "highpassed",
            ("highpassed", "full"),
            "What temporal contrast lets through: what it listens to, or all.",
        ),
    ),
    engines={
        "numba": "fxlab.effects.ace.kernel:Ace",
        "numpy": "fxlab.effects.ace.reference:AceReference",
    },
    module="fxlab.effects.ace.module:AceModule",
    learnable=LEARNABLE,
)
