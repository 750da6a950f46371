"""The words for what can be wrong with a copy of a model, each with what to do."""

from __future__ import annotations

NO_POOLING = (
    "no pooling",
    "a vector a token came back, where one a text was due",
    "let the server pool as the model does ({pooling}): TEI --pooling, vLLM --runner pooling, llama.cpp --pooling; in a folder,"
    " modules.json must list the Pooling module",
)
NO_PROMPT = (
    "prompt missing",
    "the vectors are those of texts without the prompt {prompt!r}",
    "put the prompt before each text: encode_query and encode_document do it, where config_sentence_transformers.json has it; to"
    " a server, send it with the text, unless the server adds it",
)
DOUBLED = (
    "prompt doubled",
    "the vectors are those of texts with the prompt {prompt!r} twice",
    "put the prompt before the texts in one place only: send texts without it, or start the server without a default prompt"
    " (TEI --default-prompt); embed-tune verify --server-adds-prompts checks the first",
)
BOTH = (
    DOUBLED[0],
    "the vectors are those of texts with the prompt {detail!r} before their own, {prompt!r}",
    DOUBLED[2],
)
SWAPPED = (
    "prompt of others",
    "the vectors are those of texts under the prompt of {other} texts ({prompt!r})",
    "give each text the prompt of its role: encode_query for queries, encode_document for documents",
)
POOLING = (
    "pooling",
    "the vectors are pooled by {detail}, where {pooling} was due",
    "set the pooling: 1_Pooling/config.json of a folder, TEI --pooling, llama.cpp --pooling",
)
LEFT_OUT = (
    "module left out",
    "the vectors are those without the module {detail}",
    "serve the whole model: all modules in modules.json with their folders; a server that knows only transformer and pooling"
    " needs an export with the module inside (embed-tune export)",
)
CUT = (
    "cut too early",
    "texts are cut at {detail} tokens, where {limit} are read",
    "raise the limit: sentence_bert_config.json or tokenizer.json of a folder, vLLM --max-model-len, Ollama num_ctx, TEI"
    " --max-batch-tokens and its model's limit",
)
CUT_SOMEWHERE = (
    "cut too early",
    "texts of up to {low} tokens fit, and those of {high} and more do not: they are cut in between, where {limit} are read",
    CUT[2],
)
NOT_CUT = (
    "cut too late",
    "more than {limit} tokens of a text are read, where the model was trained and judged with {limit}",
    "set the limit to {limit} tokens: max_seq_length of a folder, truncation in tokenizer.json, vLLM truncate_prompt_tokens",
)
LONG_DIFFER = (
    "long texts",
    "texts of up to {low} tokens fit, and those of {high} and more do not, although both are beyond the limit of {limit}",
    "look at how the copy cuts texts: from which side, and at how many tokens",
)
NOT_NORMALISED = (
    "not normalised",
    "the vectors have the right directions, and other lengths than 1",
    "normalise them, or compare by cosine; a folder needs its Normalize module, a server its option (TEI normalize: true)",
)
NORMALISED = (
    "normalised",
    "the vectors have the right directions and length 1, where the model's have lengths that its dot products need",
    "ask the server for vectors as they are (TEI: normalize false on /embed), or retrain with a model that is normalised",
)
LENGTHS = (
    "other lengths",
    "the vectors have the right directions, but {low:.3g} to {high:.3g} times the lengths that were due",
    "look for a scaling after the model",
)
MORE_DIMENSIONS = (
    "not cut to its dimensions",
    "{found} dimensions came back, of which the first {wanted} are the model's",
    "keep the first {wanted} of each vector and normalise again, or ask the server for dimensions={wanted}",
)
FEWER_DIMENSIONS = (
    "other dimensions",
    "{found} dimensions came back, the first of the model's {wanted}",
    "ask for all {wanted} (leave out dimensions=, truncate_dim)",
)
OTHER_DIMENSIONS = (
    "other model",
    "{found} dimensions came back, where {wanted} were due, and they are none of its own",
    "check which model is served",
)
OTHER_TOKENIZER = (
    "other tokenizer",
    "{what}",
    "put the model's own tokenizer files (tokenizer.json, tokenizer_config.json) beside its weights, and load it again",
)
COARSE = (
    "quantised too coarsely",
    "the weights are quantised, and vectors differ by up to {cosine:.1e}, where {tolerance:.1e} is allowed",
    "quantise per channel, or keep some layers in float: embed-tune export RUN --to onnx-int8 chooses by measurement",
)
OTHER_WEIGHTS = (
    "other model",
    "the weights are not the recorded ones; vectors differ by {typical:.1e} on a typical text",
    "check which model lies there: another one, its base, or a later training",
)
SMALL_EVERYWHERE = (
    "precision",
    "vectors of all texts differ a little, by up to {cosine:.1e}: it computes in lower precision, or is quantised",
    "serve it in float32 (TEI --dtype float32, vLLM --dtype float32), or allow more: --tolerance {allow:.0e}, if its quality was"
    " measured",
)
OTHER_OR_COARSE = (
    "other model",
    "vectors of all texts differ, by {typical:.1e} on a typical one, in no way that is recorded",
    "check which model the server has loaded: another one, its base, or one that is quantised too coarsely",
)
UNKNOWN = (
    "differs",
    "vectors differ by up to {cosine:.1e}, most in golden text {text}, and it cannot be told why",
    "compare the folder's files with those of the run, and the versions of the libraries in encoding.json",
)
TOGETHER = (
    "depends on its neighbours",
    "a text has another vector alone than beside others, by up to {cosine:.1e}",
    "the copy pads wrongly: check the padding side and token, and the attention mask",
)
REFUSED = (
    "refused",
    "{count} texts were refused that the model reads, the shortest of {tokens} tokens: {why}",
    "raise the server's limit, or let it cut texts (TEI --auto-truncate, vLLM truncate_prompt_tokens)",
)
