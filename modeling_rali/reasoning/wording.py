"""The words of the measured teacher: graded phrases, and sentences to put them in."""

from collections.abc import Mapping

Grades = tuple[tuple[str, ...], ...]
"""Five lists of synonyms, from the lowest grade of an attribute to the highest."""

ATTRIBUTES: Mapping[str, Grades] = {
    "sharpness": (
        ("badly blurred, with no sharp edge", "very blurred", "completely out of focus"),
        ("rather soft", "a little blurred", "not quite in focus"),
        ("reasonably sharp", "acceptably in focus", "sharp enough"),
        ("sharp", "well focused", "sharp at the edges"),
        ("very crisp and sharp", "razor-sharp", "perfectly focused"),
    ),
    "detail": (
        ("empty of fine detail", "smooth, all detail lost", "without any texture"),
        ("short of fine detail", "poor in texture", "low in detail"),
        ("of usual detail", "fairly detailed", "with some fine texture"),
        ("rich in detail", "finely detailed", "full of texture"),
        ("crowded with fine detail", "extremely detailed", "full of the finest texture"),
    ),
    "noise": (
        ("free of noise", "very clean", "without any grain"),
        ("clean", "almost free of noise", "low in noise"),
        ("with a little noise", "slightly grainy", "of moderate noise"),
        ("noisy", "clearly grainy", "with visible noise"),
        ("very noisy, full of grain", "covered with noise", "heavily grainy"),
    ),
    "brightness": (
        ("far too dark", "badly underexposed", "lost in darkness"),
        ("rather dark", "dim", "a little underexposed"),
        ("well lit", "well exposed", "of balanced brightness"),
        ("bright", "brightly lit", "light"),
        ("very bright", "glaringly bright", "almost overexposed"),
    ),
    "contrast": (
        ("flat and without contrast", "washed out, hazy", "very low in contrast"),
        ("low in contrast", "somewhat flat", "a little hazy"),
        ("of normal contrast", "balanced in contrast", "moderate in contrast"),
        ("contrasty", "of good contrast", "strong in contrast"),
        ("of very strong contrast", "harsh in contrast", "full of hard light and shadow"),
    ),
    "colourfulness": (
        ("nearly colourless", "grey and dull", "without colour"),
        ("muted in colour", "pale in colour", "a little dull"),
        ("natural in colour", "of ordinary colours", "balanced in colour"),
        ("colourful", "lively in colour", "rich in colour"),
        ("vivid, with strong colours", "very colourful", "of intense, saturated colours"),
    ),
    "blocking": (
        ("free of compression blocks", "without a trace of compression", "cleanly coded"),
        ("almost free of compression blocks", "hardly compressed", "with no visible blocks"),
        ("with few compression traces", "lightly compressed", "with hardly a block to see"),
        ("with some compression blocks", "visibly compressed", "with traces of JPEG blocks"),
        ("full of compression blocks", "ruined by blocking artefacts", "strongly compressed and blocky"),
    ),
}
"""Attribute → its grades. The field names are those of `attributes.Attributes`."""

DARK = ("with shadows clipped to black", "with blocked-up shadows", "with large areas of plain black")
BURNT = ("with burnt-out highlights", "with highlights clipped to white", "with blown-out areas")

SEVERITIES = (
    ("slight", "barely visible", "a touch of"),
    ("moderate", "noticeable", "some"),
    ("obvious", "clear", "marked"),
    ("serious", "severe", "heavy"),
    ("catastrophic", "extreme", "overwhelming"),
)
DEGRADATION_NAMES: Mapping[str, tuple[str, ...]] = {
    "gaussian_blur": ("blur", "Gaussian blur", "softness"),
    "motion_blur": ("motion blur", "camera shake", "blur from movement"),
    "defocus": ("defocus blur", "lens blur", "blur from missed focus"),
    "gaussian_noise": ("noise", "sensor noise", "grain"),
    "salt_and_pepper": ("salt-and-pepper noise", "impulse noise", "speckle of black and white dots"),
    "jpeg": ("JPEG compression", "JPEG blocking", "block artefacts from compression"),
    "jpeg2000": ("JPEG 2000 compression", "smearing and ringing from compression", "wavelet compression artefacts"),
    "darken": ("darkening", "underexposure", "lack of light"),
    "overexpose": ("over-exposure", "blown-out light", "excess of light"),
    "saturate": ("oversaturation", "unnaturally strong colour", "excess of colour"),
    "desaturate": ("loss of colour", "fading of colour", "desaturation"),
    "low_contrast": ("loss of contrast", "haze", "flatness"),
    "pixelate": ("pixelation", "coarse pixels", "mosaic of large pixels"),
    "oversharpen": ("oversharpening", "halos along the edges", "ringing from too much sharpening"),
    "posterize": ("posterisation", "banding of colours", "coarse steps of tone"),
    "smear": ("smearing", "loss of texture, as if painted", "oversmoothing"),
    "warp": ("distortion of shapes", "warping", "deformation of lines and outlines"),
    "misplace": ("misplaced patches", "broken, incoherent structure", "disorder of small parts"),
}

QUALITIES = (
    ("terrible", "unusable", "as bad as can be"),
    ("very bad", "awful", "really poor"),
    ("bad", "low", "well below average"),
    ("poor", "rather low", "below average"),
    ("mediocre", "middling", "average at best"),
    ("fair", "acceptable", "decent"),
    ("good", "high", "above average"),
    ("very good", "very high", "well above average"),
    ("excellent", "outstanding", "flawless"),
)

SUBJECTS = ("The picture is", "The photo is", "It is", "This image appears", "The shot is", "The image looks")
DEGRADED = (
    "It suffers from {severity} {name}.",
    "There is {severity} {name}.",
    "The most striking fault is {severity} {name}.",
    "{Severity} {name} spoils it.",
)
CLOSINGS = (
    "Overall the quality is {quality}.",
    "All in all its quality is {quality}.",
    "I would call the overall quality {quality}.",
    "Its overall quality: {quality}.",
    "Taken together, the quality is {quality}.",
)
