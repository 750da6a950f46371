"""The choices that settings and options offer, one enum each. Those of a data set stand in `data.spec`."""

from __future__ import annotations

from data.spec import Choice


class Pooling(Choice):
    """How token vectors become the vector of a text."""

    MEAN = "mean"
    CLS = "cls"
    LASTTOKEN = "lasttoken"
    MAX = "max"


class Provider(Choice):
    """Whose API a model is behind."""

    OPENAI = "openai"
    COHERE = "cohere"
    VOYAGE = "voyage"


class Leaks(Choice):
    """What becomes of training rows that dev or test have too."""

    DROP = "drop"
    KEEP = "keep"


class Schedule(Choice):
    """The course of the learning rate after warm-up."""

    LINEAR = "linear"
    COSINE = "cosine"
    CONSTANT = "constant"


class Groups(Choice):
    """Whether rows with a text in common are kept from being each other's negatives."""

    AUTO = "auto"
    BLIND = "blind"


class Batches(Choice):
    """Which rows of pairs meet in a batch."""

    AUTO = "auto"
    RANDOM = "random"
    SIMILAR = "similar"
    JOINT = "joint"


class Precision(Choice):
    """The floating-point format of training."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


class Interpolation(Choice):
    """Whether weights between the base and the best checkpoint are candidates."""

    AUTO = "auto"
    OFF = "off"


class CrossValidation(Choice):
    """When a run is followed by one for each part of the rows."""

    AUTO = "auto"
    ALWAYS = "always"
    OFF = "off"


class References(Choice):
    """Whether words alone and models that nobody trained are judged beside a model."""

    AUTO = "auto"
    OFF = "off"


class PanelUse(Choice):
    """When a run is judged on other work, too."""

    AUTO = "auto"
    ALWAYS = "always"
    OFF = "off"


class Backend(Choice):
    """Which dashboard shows the run."""

    NONE = "none"
    WANDB = "wandb"
    TENSORBOARD = "tensorboard"


class TrackingMode(Choice):
    """Whether the dashboard is fed over the network or into files."""

    AUTO = "auto"
    ONLINE = "online"
    OFFLINE = "offline"


class Split(Choice):
    """Which rows are judged; "all" is every row of a data set that has no splits of its own."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"
    ALL = "all"


class FailOn(Choice):
    """What `--fail-on` treats as a failure; `worse-than` takes a number."""

    WORSE = "worse"
    UNPROVEN = "unproven"
    WORSE_THAN = "worse-than"


class Unproven(Choice):
    """What a run ships where the gain of what was trained is unproven."""

    SHIP = "ship"
    BASE = "base"


class ExportKind(Choice):
    """What a model can be exported to: a graph in ONNX, the same in int8, or one for OpenVINO."""

    ONNX = "onnx"
    INT8 = "onnx-int8"
    OPENVINO = "openvino"
