import { expect, it } from "vitest";
import { trainBPE } from "../bpe/train.ts";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { encodingByName } from "../encodings.ts";
import { specifications } from "../encodings/specifications.ts";
import { someEncodings } from "../../test/counts.ts";
import { writtenTexts } from "../../test/texts.ts";
import { jsonOf, withValue } from "../../test/tokenizer-json.ts";
import { tokenizerFromFiles } from "./folder.ts";
import { readTiktoken, tiktokenFile } from "./tiktoken.ts";

it.each(someEncodings)("writes the ranks of %s, and reads them back", async (name) => {
  const tokenizer = await encodingByName(name);
  const text = tiktokenFile(tokenizer);
  expect(text.startsWith("IQ== 0\nIg== 1\n")).toBe(true);
  const again = readTiktoken(text, specifications[name]);
  expect(tiktokenFile(again) === text).toBe(true);
  expect(again.vocabSize).toBe(tokenizer.vocabSize);
  for (const text of writtenTexts) {
    expect(again.encode(text, { disallowedSpecial: [] })).toEqual(tokenizer.encode(text, { disallowedSpecial: [] }));
  }
});

const bytes = Array.from({ length: 256 }, (_, byte) => `${btoa(String.fromCharCode(byte))} ${byte}`);

it("keeps tokens that merging never makes for pre-tokens that equal them", async () => {
  const tokenizer = readTiktoken([...bytes, `${btoa("zebra")} 300`].join("\n"), { pattern: "gpt2" });
  expect(tokenizer.encode("zebra zebra")).toEqual([300, 0x20, ...new TextEncoder().encode("zebra")]);
  const again = tokenizerFromFiles(
    new Map([["tokenizer.json", JSON.stringify(jsonOf(tokenizer))]]),
  ) as BytePairTokenizer;
  expect(again.encode("zebra")).toEqual([300]);
  expect(tiktokenFile(again)).toBe(tiktokenFile(tokenizer));
});

it("writes a trained tokenizer, but not merges that ranks do not give", async () => {
  const trained = await trainBPE(["to be or not to be, that is the question"], { vocabSize: 280 });
  expect(readTiktoken(tiktokenFile(trained), { pattern: "gpt2" }).encode("to be")).toEqual(trained.encode("to be"));
  const json = jsonOf(trained);
  const { merges } = json.model as { merges: string[] };
  const reversed = JSON.stringify(withValue(json, "model.merges", merges.toReversed()));
  const other = tokenizerFromFiles(new Map([["tokenizer.json", reversed]])) as BytePairTokenizer;
  expect(() => tiktokenFile(other)).toThrow(
    /cannot hold this tokenizer: its merges do not follow from the order of its tokens/,
  );
});

it.each([
  ["YWI=", "line 257 is not a token in base64, a space and its rank"],
  ["YWI= x", "line 257 is not a token in base64, a space and its rank"],
  ["YWI= -1", "line 257 is not a token"],
  ["YWI= 256 x", "line 257 is not a token"],
  ["YW* 256", "line 257 does not begin with a token in base64"],
  ["YWI 256", "line 257 does not begin with a token in base64"],
  [" 256", "line 257 does not begin with a token in base64"],
  ["YWI= 1048576", "line 257 has the rank 1048576; it must be below 1048576"],
  ["YWI= 97", "line 257 has the rank 97, which another line has too"],
  ["YQ== 256", "line 257 has a token that another line has too"],
])("refuses the line %j", (line, message) => {
  expect(() => readTiktoken([...bytes, line].join("\n"), { pattern: "gpt2", name: "x.tiktoken" })).toThrow(
    `x.tiktoken: ${message}`,
  );
});

it("refuses a file without all bytes, and special tokens whose ids are taken or impossible", () => {
  expect(() => readTiktoken("", { pattern: "gpt2" })).toThrow("the .tiktoken file has no token for the byte 0x00");
  expect(() => readTiktoken(bytes.slice(0, 255).join("\n"), { pattern: "gpt2" })).toThrow("no token for the byte 0xff");
  for (const id of [97, -1, 2 ** 20, 0.5]) {
    const read = () => readTiktoken(bytes.join("\n"), { pattern: "gpt2", specialTokens: { "<s>": id } });
    expect(read).toThrow(`the special token "<s>" cannot have the id ${id}`);
  }
  expect(() => readTiktoken(bytes.join("\n"), { pattern: "gpt2", specialTokens: { "": 256 } })).toThrow(
    /special token ""/,
  );
});
