/**
 * A template for models that have none: each message is the line of its role, its text, and the end-of-text token. Lines keep
 * tokens apart, so that an answer has the same tokens when it is learnt and when it is written. `gpt finetune --task chat` takes it, and saves it
 * with the model.
 */
export const plainChatTemplate = `{% for message in messages %}{% if message.role not in ["system", "user", "assistant", "tool"] %}{{ raise_exception("the role of a message must be system, user, assistant or tool") }}{% endif %}{% if message.content is not string %}{{ raise_exception("the content of a message must be a text") }}{% endif %}{{ message.role }}
{{ message.content }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}assistant
{% endif %}`;
