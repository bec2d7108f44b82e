import { expect, test } from "vitest";
import { memorySize } from "./options.ts";

test.each<[string, number]>([
  ["80GB", 80e9], ["80 gb", 80e9], ["24GiB", 24 * 2 ** 30], ["1.5TB", 1.5e12], ["512mib", 2 ** 29], ["640 kB", 640_000], ["0.5GB", 5e8],
])("%s is a size", (text, bytes) => {
  expect(memorySize(text)).toBe(bytes);
});

test.each(["", "80", "GB", "-1GB", "0GB", "0.0TB", "1e99GB", "80  GB", "80GBs", "80 G", ".5GB", "1,5GB", "0x10GB", "٣GB", "NaNGB", `${"9".repeat(400)}GB`])(
  "%j is none",
  (text) => {
    expect(() => memorySize(text)).toThrow("Expected a size with its unit, such as 80GB or 24GiB.");
  },
);
