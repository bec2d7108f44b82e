import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { Result } from "../../test/gpt.ts";
import { tuningFolder } from "../../test/tuning.ts";

const { at, gpt, gptProcess } = tuningFolder();

/** One line, that says what is wrong; and where a model was to be made, nothing of it. */
function expectRefused({ status, stdout, stderr }: Result, expected: number, message: string): void {
  const errors = stderr.split("\n").filter((line) => line.startsWith("error:") || /^ {4}at /.test(line));
  expect(errors, stderr).toEqual([expect.stringContaining(message)]);
  expect({ status, stdout }, stderr).toEqual({ status: expected, stdout: "" });
  expect(existsSync(at("refused"))).toBe(false);
}

/** Refuses each of some commands, which one process runs. */
async function expectAllRefused(commands: readonly (readonly [command: string, status: number, message: string])[]): Promise<void> {
  for (const [command, status, message] of commands) expectRefused(await gpt(...command.split(" ")), status, message);
}

const tune = "finetune --model base --out refused --task";

const long = "word ".repeat(300);
const user = '{"role": "user", "content": "a"}';

/** Records by task, with what is said of them behind file and line. */
const records: readonly [task: string, record: string, message: string][] = [
  ["chat", '{"messages": []}', "has no message of the assistant's, and so nothing to learn"],
  ["chat", '{"messages": "hello"}', 'messages must be a list, not "hello"'],
  ["chat", '{"messages": [null]}', "messages[0] must be a message, { role, content }, not null"],
  ["chat", `{"messages": [${user}]}`, "has no message of the assistant's, and so nothing to learn"],
  ["chat", `{"messages": [${user}, {"role": "assistant"}]}`, "messages[1] has no content, and so nothing to learn"],
  ["chat", `{"messages": [${user}, {"role": "assistant", "content": ""}]}`, "messages[1] has no content, and so nothing to learn"],
  ["chat", `{"messages": [${user}, {"role": "assistant", "content": 5}]}`, "messages[1].content must be a text, or what the template makes of parts, not 5"],
  ["chat", '{"messages": [{"role": "wizard", "content": "a"}, {"role": "assistant", "content": "b"}]}', "the chat template refuses the chat: the role of a message must be system, user, assistant or tool"],
  ["chat", '{"messages": [{"role": "user", "content": [{"type": "text"}]}, {"role": "assistant", "content": "b"}]}', "the chat template refuses the chat: the content of a message must be a text"],
  ["chat", `{"messages": [{"role": "user", "content": "${long}"}, {"role": "assistant", "content": "b"}]}`, "tokens to read, more than 96; shorten it, leave it out, or cut such texts (--truncate)"],
  ["completion", '{"prompt": "a"}', 'completion must be there; the record has "prompt"'],
  ["completion", '{"prompt": "a", "completion": ""}', "completion is empty, and so nothing to learn"],
  ["completion", '{"prompt": 5, "completion": "a"}', "prompt must be a text, not 5"],
  ["completion", `{"prompt": "a", "completion": "${long}"}`, "tokens to read, more than 96"],
  ["classify", '{"text": "a", "label": null}', "label must be a label, not null"],
  ["classify", '{"text": "a", "label": {}}', "label must be a label, not an object"],
  ["classify", '{"text": "", "label": 1}\n{"text": "a", "label": "x"}', "has no tokens"],
  ["classify", '{"text": "a", "label": ""}', "label must be a label, and there is none"],
  ["lm", '{"text": 5}', "text must be a text, not 5"],
  ["preference", '{"prompt": "a", "chosen": "b", "rejected": "b"}', "chosen and rejected have the same tokens, and so nothing to learn"],
  ["preference", '{"prompt": "a", "chosen": "", "rejected": "b"}', "chosen is empty, and so nothing to learn"],
  ["preference", `{"prompt": [${user}], "chosen": "b", "rejected": "c"}`, 'chosen must be a list, not "b"'],
  ["preference", `{"prompt": [${user}], "chosen": [${user}], "rejected": [${user}]}`, "chosen must be one message of the assistant's"],
  ["choice", '{"context": "a", "choices": ["b"], "answer": 0}', "has 1 choices, and needs two"],
  ["choice", '{"context": "a", "choices": ["b", ""], "answer": 0}', "choices[1] is empty"],
  ["choice", '{"context": "a", "choices": ["b", 5], "answer": 0}', "choices[1] must be a text, not 5"],
  ["choice", '{"context": "a", "choices": ["b", "c"], "answer": 2}', "answer must be a whole number from 0 to 1, not 2"],
  ["choice", '{"context": "a", "choices": ["b", "c"], "answer": "d"}', 'has the answer "d", which is none of its choices'],
];

test("records that are broken, by file and line", async () => {
  for (const [task, record, message] of records) {
    await writeFile(at("record.jsonl"), `${record}\n`);
    const result = await gpt(...`${tune} ${task} --data record.jsonl --validation-share 0`.split(" "));
    expectRefused(result, 1, `error: record.jsonl:1: `);
    expectRefused(result, 1, message);
  }
});

/** Files of bytes. */
const files: readonly [name: string, content: string | Uint8Array, message: string][] = [
  ["empty.jsonl", "", "there is no record in empty.jsonl; give a file that has some"],
  ["blank.jsonl", "\n \r\n", "there is no record in blank.jsonl; give a file that has some"],
  ["blank.txt", " \n", "there is no record in blank.txt; give a file that has some"],
  ["list.json", "[]", "there is no record in list.json; give a file that has some"],
  ["header.csv", "text,label\n", "there is no record in header.csv; give a file that has some"],
  ["none.jsonl", '{"text": ""}\n', "none.jsonl: no text has two tokens or more, and so there is nothing to learn"],
  ["open.jsonl", '{"text": "a"', 'open.jsonl, line 1, column 13: expected a comma or "}"'],
  ["number.jsonl", "5\n", "number.jsonl, line 1, column 1: this is number, not an object"],
  ["half.jsonl", '{"text": "\\ud800"}\n', "half.jsonl, line 1, column 11: a string holds half of a surrogate pair"],
  ["bytes.jsonl", Buffer.from('{"text": "\xff"}\n', "latin1"), "bytes.jsonl, line 1, column 11: the text is not valid UTF-8"],
  ["bytes.txt", Buffer.from("a\xff\n", "latin1"), "bytes.txt, line 1, column 2: the byte 0xff is not valid UTF-8; convert the file to UTF-8"],
  ["zero.txt", "a\0b\n", "zero.txt: the byte 0x00 at offset 1 is in no text"],
  ["wide.txt", Buffer.from("\uFEFFab\n", "utf16le"), "wide.txt is text in UTF-16, not text in UTF-8; convert it to UTF-8"],
  ["quote.csv", 'text\n"a\n', "double quotes that are within a quoted field"],
  ["fields.csv", "text,label\na\n", 'fields.csv, line 2: there are 1 fields, but the first line names 2 ("text", "label")'],
  ["names.csv", "text,text\na,b\n", 'names.csv, line 1: two columns have the name "text"'],
  ["huge.jsonl", `{"text": "${"a".repeat(2 ** 24)}"}\n`, "huge.jsonl, line 1: the record that begins here has more than 16777216 bytes; divide it"],
  ["deep.jsonl", `{"text": ${"[".repeat(99_999)}`, "values are nested more than 32 deep"],
  ["text.doc", "a\n", "the ending of text.doc is that of no format of records (.json, .jsonl, .ndjson, .csv, .tsv, .parquet, .txt); rename it"],
];

test("files that are none", async () => {
  for (const [name, content, message] of files) {
    await writeFile(at(name), content);
    await expectAllRefused([
      [`${tune} lm --data ${name} --validation-share 0`, 1, message],
      [`eval --model base --task lm --data ${name}`, 1, message],
    ]);
  }
});

test("a byte order mark, returns, and quotes around lines are what they are elsewhere", async () => {
  await writeFile(at("marked.csv"), '\uFEFFtext,label\r\n"a ""b""\r\nc",x\r\n"d,e",y\r\n');
  const done = await gpt("finetune", "--model", "base", "--task", "classify", "--data", "marked.csv", "--validation-share", "0", "--steps", "1", "--out", "marked");
  expect(done.status, done.stderr).toBe(0);
});

test("what cannot be done with the data, or does nothing", async () => {
  for (const [name, content] of [["one.jsonl", '{"text": "a b"}\n'], ["alike.jsonl", '{"text": "a", "label": "x"}\n'], ["empty.jsonl", ""]]) {
    await writeFile(at(name), content);
  }
  const labels = "classify --data labels.csv --columns text=sentence,label=kind";
  await expectAllRefused([
    [`${tune} classify --data text.txt`, 1, "text.txt:1: label must be there"],
    [`${tune} lm --data one.jsonl`, 1, "1 records of 1 different texts cannot be divided with 1 of them for validation; give more data, another share, or none for validation"],
    [`${tune} classify --data alike.jsonl --validation-share 0`, 1, 'all records have the label "x"; classification needs two labels'],
    [`${tune} lm --data text.txt --validation empty.jsonl`, 1, "there is no record in empty.jsonl"],
    [`${tune} lm --data text.txt --context 97`, 2, "--context is 97, and the model reads at most 96 tokens"],
    [`${tune} lm --data text.txt --validation-share 0 --best`, 2, "--best compares validation losses: give --validation, or a --validation-share above 0"],
    [`${tune} lm --data text.txt --validation-share 0 --patience 3`, 2, "--patience compares validation losses"],
    [`${tune} ${labels} --pack`, 2, "--pack is for --task lm or chat or completion, not classify"],
    [`${tune} lm --data text.txt --class-weights balanced`, 2, "--class-weights is for --task classify, not lm"],
    [`${tune} lm --data text.txt --answers 3`, 2, "--answers is for --task chat or completion, not lm"],
    [`${tune} lm --data text.txt --epochs 1 --steps 3`, 2, "--epochs and --steps say the same in two ways: give one of them"],
    [`${tune} lm --data text.txt --schedule constant --warmup 3`, 2, "--warmup does nothing where --schedule constant"],
    ["eval --model base --data text.txt --truncate", 2, "--truncate is for tasks: give --task, or leave it out"],
    ["eval --model base --task lm --data text.txt --truncate", 2, "--truncate is for --task classify or choice or completion or chat or preference, not lm"],
    ["eval --model base --task lm --data text.txt --batch 2", 2, "--batch is for texts that are measured as a whole"],
    [`${tune} lm --data text.txt --rank 4`, 2, "--rank is for --method lora, not full"],
    [`${tune} lm --data text.txt --method last --last-blocks 3`, 2, "blocks is 3, and the model has 2"],
    [`${tune} lm --data text.txt --method lora --target nothing`, 1, 'there is no linear layer "nothing"; there are c_attn, c_proj, c_fc'],
    [`${tune} lm --data text.txt --dtype int8`, 2, "which cannot be trained"],
  ]);
});

test("models and folders that are none, or others'", () => expectAllRefused([
  ["finetune --model nowhere --task lm --data text.txt --out refused", 1, "there is no file or folder nowhere"],
  ["finetune --model text.txt --task lm --data text.txt --out refused", 1, "text.txt is a file, and not GGUF"],
  ["finetune --model base --task lm --data text.txt --out base", 1, "base holds a training run or a model already: resume it (--resume), or choose another folder (--out)"],
  ["finetune --model base --task lm --data text.txt --out text.txt", 1, "text.txt cannot be read: ENOTDIR"],
  ["finetune --out refused --resume", 1, "refused holds no run to resume"],
  ["finetune --out base --resume", 1, "base/run.json is of a run of gpt train; resume it by that command"],
  ["train --from nowhere --data text.txt --out refused", 1, "there is no file or folder nowhere"],
  ["train --from base --data text.txt --layers 3 --out refused", 2, "--layers describes a new model, and --from goes on from one that there is"],
  ["chat --model nowhere", 1, "there is no file or folder nowhere"],
  ["eval --model base --task classify --data labels.csv", 2, "the model has no classes"],
]));

test("a classifier is asked for labels alone", async () => {
  const columns = "--data labels.csv --columns text=sentence,label=kind";
  expect((await gpt(...`finetune --model base --task classify ${columns} --steps 1 --out classifier`.split(" "))).status).toBe(0);
  await expectAllRefused([
    ["eval --model classifier --task chat --data chats.jsonl", 2, "the model gives classes"],
    [`finetune --model classifier --task chat --data chats.jsonl --out refused`, 2, "the model gives classes"],
  ]);
});

test("a chat that cannot be answered", async () => {
  const chat = (input: string, ...args: readonly string[]): Promise<Result> => gptProcess(["chat", "--model", "base", ...args], { input });
  expectRefused(await chat(`${long}\n`), 1, "and the model's context is 96; give a shorter one");
  await writeFile(at("no.jinja"), '{{ raise_exception("ask nothing") }}');
  expectRefused(await chat("hi\n", "--template", "no.jinja"), 1, "the chat template refuses the chat: ask nothing");
});
