"""Configurations of Llama and its relatives as folders have them: each way in which a field may be said, in one of them."""

SIZES = dict(
    vocab_size=31,
    hidden_size=16,
    intermediate_size=20,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=24,
    rms_norm_eps=1e-5,
)
SMALL_EXPERTS = dict(num_local_experts=4, num_experts_per_tok=2)

FOLDERS = {
    # As SmolLM2 and Llama 3 say it. An epsilon larger than models have, so that another one shows.
    "llama": dict(
        SIZES,
        model_type="llama",
        head_dim=6,
        rms_norm_eps=1e-2,
        tie_word_embeddings=True,
        attention_bias=True,
        mlp_bias=True,
        rope_interleaved=False,
        rope_theta=100.0,
        rope_scaling=dict(
            rope_type="llama3",
            factor=4.0,
            low_freq_factor=0.25,
            high_freq_factor=1.0,
            original_max_position_embeddings=8,
        ),
    ),
    # As v5 says it. As many heads of keys as of queries, where the field is null.
    "llama-linear": dict(
        SIZES,
        model_type="llama",
        num_key_value_heads=None,
        head_dim=None,
        rope_parameters=dict(rope_type="linear", factor=3.0, rope_theta=50.0),
    ),
    # The bounds of the ramp are rounded where nothing is said.
    "llama-yarn": dict(
        SIZES,
        model_type="llama",
        head_dim=8,
        rope_theta=50.0,
        rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=6, mscale=1.0, mscale_all_dim=0.4),
    ),
    "mistral": dict(SIZES, model_type="mistral", hidden_size=18, head_dim=6, sliding_window=3, rope_theta=1000.0),
    "mixtral": dict(SIZES, **SMALL_EXPERTS, model_type="mixtral", sliding_window=None, router_aux_loss_coef=0.02),
    "qwen2": dict(
        SIZES,
        model_type="qwen2",
        tie_word_embeddings=True,
        use_sliding_window=True,
        sliding_window=3,
        max_window_layers=1,
        rope_theta=1e6,
    ),
    "qwen3": dict(
        SIZES,
        model_type="qwen3",
        head_dim=8,
        attention_bias=True,
        use_sliding_window=True,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters=dict(
            rope_type="yarn",
            factor=2.0,
            original_max_position_embeddings=12,
            attention_factor=1.3,
            beta_fast=4.0,
            beta_slow=0.5,
            truncate=False,
            rope_theta=100.0,
        ),
    ),
    # The rotary positions of the class.
    "gpt-oss": dict(SIZES, **SMALL_EXPERTS, model_type="gpt_oss", head_dim=6, hidden_size=12, sliding_window=3),
    "gpt-oss-mxfp4": dict(
        SIZES,
        **SMALL_EXPERTS,
        model_type="gpt_oss",
        hidden_size=32,
        intermediate_size=64,
        head_dim=8,
        sliding_window=3,
        swiglu_limit=7.0,
        rope_theta=150_000,
        rope_scaling=dict(
            rope_type="yarn",
            factor=32.0,
            beta_fast=32.0,
            beta_slow=1.0,
            truncate=False,
            original_max_position_embeddings=4096,
        ),
        quantization_config=dict(quant_method="mxfp4", modules_to_not_convert=["model.layers.*.self_attn"]),
    ),
}
