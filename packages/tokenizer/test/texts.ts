import fc from "fast-check";

/** Texts in which the split patterns, or languages that implement them, are known to differ. */
export const writtenTexts: readonly string[] = [
  "",
  " ",
  "Hello, world!",
  "I'm sure they'll say we've 'done it', isn't it? 'S 'T 'Re 'vE 'LL 'd 'M 're've",
  "'ſ 'ſx O'ſ 'K x'İ DON'T don't DoN'T o'clock 'tis 'sS",
  "  two  spaces   three    four     ",
  "\t\ttabs \t mixed\t \n",
  "line\nline\r\nline\r\r\nline\n\n\n  indented\n \n  \n   end\n  ",
  "trailing newline\n",
  "a\n  \n  ",
  "\n\n\n",
  "\r\n \r\n",
  "1 12 123 1234 12345 ١٢٣٤ ¼½¾ Ⅷ 一二三 1a2b ",
  "next\u0085line no\u00A0break\u2028separator\u2029paragraph\u3000ideographic\u1680ogham",
  "\uFEFFbyte order mark\uFEFF inside\uFEFF",
  "zero\u200Bwidth\u200Cnon\u200Djoiner\u2060word",
  "\u0000\u0001\u0007\u001B[31m\u007F\u0080\u009F",
  "é e\u0301 \u0301 \u0301\u0301a ạ̈ Z͑ͫ̓ͪ̂ͫ̽͏̴̙ ",
  "ﷺ مرحبا بالعالم! שלום עולם",
  "你好，世界。日本語のテキスト。한국어 텍스트 ไทยไม่มีวรรค",
  "👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ 1️⃣ 🤷🏿‍♀️",
  "\uD800 \uDC00 a\uD83D b\uDE00 \uDE00\uD83D 😀\uD83D",
  "\uD83Da\uDC00\uD800\uD800\uDC00\uDC00",
  "CamelCaseWord HTTPServer iPhone XMLHttpRequest2 ABCdefGHI ǅabc ǅǅ ʰABC ªABC AªBªC aªB",
  "ÀÉÎ ÀÉÎõü İstanbul ẞ ŉ ǰ",
  "snake_case kebab-case path/to/file.ts // comment\n/* x */\n///\n/\r/",
  "$100.00 €5 £6 50% #tag @name a@b.c https://example.org/?q=1&r=2#f",
  "!!!???...---===***((([[[{{{}}}]]])))",
  "=\n=\r\n=/\n/ x\n/",
  "<|endoftext|> <|fim_prefix|> <|endofprompt|> <|startoftext|> <|notspecial|> <|",
  "function f(x) {\n    if (x > 0) {\n        return x * 2;\n    }\n}\n",
  "        deeply\n                indented    code\t\n",
  "ſtrange ſ'ſ K K å Å",
  "\u{10FFFF}\u{E000}\u{F8FF}\uFFFE\uFFFF",
  "ꟊ ꟎ ࢏ ౜ 𐥀 \u{16EA0} \u{11DE0}",
  "x\u0300\u0301\u0302 'd\u0300 \u0300's \u0300'S",
  `${" ".repeat(257)}x${"\n".repeat(130)}y${"\t".repeat(65)}`,
  "ab".repeat(600) + "1".repeat(1000) + "é".repeat(700) + "漢字".repeat(500),
];

const unit = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(..." \t\n\r'sStTdDmMrRevVlLeEaAbBzZ019.,!?-_/<|>{}()") },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "  ",
      "   ",
      "\n\n",
      " \n",
      "\r\n",
      "'s",
      "'RE",
      "'ll",
      "’s",
      "the",
      " The",
      " of",
      "ing",
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom(..."éÉßſİıǅʰªº\u0301\u0308\u200D\u200B\uFEFF\u0085\u00A0\u2028\u3000²½Ⅷ٣") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(..."中文日本語の한국어ไทยשלוםمرحبا", "👍", "🏽", "😀", "👨‍👩‍👧", "🇩🇪", "𝒳", "𞤀"),
  },
  { weight: 1, arbitrary: fc.constantFrom("\uD83D", "\uDE00", "\u0000", "\u001F", "\u007F", "\uFFFD", "\uFFFF") },
  { weight: 2, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 3, size: "max" }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 4, size: "max" }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(" ", "\n", "a", "A", "7", "-", "é", "漢"), fc.nat(60))
      .map(([c, n]) => c.repeat(n)),
  },
);

/** Texts of many kinds of characters side by side. */
export const anyText: fc.Arbitrary<string> = fc
  .array(unit, { maxLength: 40, size: "max" })
  .map((units) => units.join(""));
