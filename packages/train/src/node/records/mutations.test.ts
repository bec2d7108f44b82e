import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { mutation, RandomNumbers } from "@gpt/testing/mutate";
import { TemporaryFiles } from "../../../test/temporary-files.ts";
import { TrainError } from "../../errors.ts";
import { readRecords } from "./read-records.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** Only a hang takes as long. */
const hours = 4 * 3_600_000;

const records = [{ text: "one, \"two\"\nthree é😀", label: 1, list: [{ a: null }, true] }, { text: "", label: -2.5e3, list: [] }];
const corpus: Record<string, string> = {
  "json lines": records.map((record) => JSON.stringify(record)).join("\n"),
  "json array": JSON.stringify(records, undefined, 1),
  "csv": 'text,label\r\n"one, ""two""\nthree é😀",1\n\nx,-2\n',
  "tsv": "text\tlabel\none two\t1\n\t\n",
  "lines": "\uFEFFone\r\n\n two é😀\nthree",
};

test.each(Object.entries(corpus))("mutated %s are read, or refused in a short line by name", async (name, text) => {
  const bytes = new TextEncoder().encode(text);
  const count = process.env.GPT_VERIFY ? 20_000 : 300;
  const path = join(await temporary.folder(), "file");
  const format = name.split(" ")[0] as "json" | "csv" | "tsv" | "lines";
  const random = new RandomNumbers(17);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const mutated = mutation(bytes, [bytes], random);
    await writeFile(path, mutated);
    try {
      let size = 0;
      for await (const { value, line } of readRecords([path], { format, quotes: random.below(2) === 0, maxRecordBytes: 4000 })) {
        expect(line).toBeLessThanOrEqual(1 + mutated.length);
        size += JSON.stringify(value).length;
      }
      // No more comes out than went in, but for names of columns, and for escapes.
      expect(size).toBeLessThan(100 + 50 * mutated.length);
      taken++;
    } catch (error) {
      if (!(error instanceof TrainError)) throw error;
      expect(error.message.length).toBeLessThanOrEqual(2000);
      expect(error.message).toContain(path);
      expect(error.message).not.toMatch(/\p{Cc}/u);
    }
  }
  expect(taken).toBeGreaterThan(count / 50);
  expect(taken).toBeLessThan(count);
}, hours);
