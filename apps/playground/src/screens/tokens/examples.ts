/** Texts that vocabularies cut differently. */
export const examples = {
  story: "Once upon a time there was a little dragon named Ruby. She lived in a tall tower, and she was not afraid of the dark.",
  words: "antidisestablishmentarianism, Donaudampfschifffahrtsgesellschaft, unbelievably, tokenization, SolidGoldMagikarp",
  languages: "Hello! Grüß dich! Καλημέρα! Здравствуйте!\nمرحبا بالعالم\nשלום עולם\nनमस्ते दुनिया\n你好，世界！ こんにちは 안녕하세요",
  signs: "👩‍🚀 flies to the 🌙, 🏴󠁧󠁢󠁳󠁣󠁴󠁿 waves, and a naïve café (nai\u0308ve cafe\u0301) opens at e\u0301ight\u00a0o’clock\u200b. 👍🏽",
  code: "function fib(n) {\n    // exponential, but short\n\tif (n < 2) return n;\n    return fib(n - 1) + fib(n - 2);\n}\n<|endoftext|>",
  numbers: "3.14159265358979, 1000000, 2,718,281, 12345678 + 87654321 = 99999999, 0x7FFF, 2026-11-30",
} as const;

export const exampleNames = Object.keys(examples) as (keyof typeof examples)[];
