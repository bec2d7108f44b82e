import { expect, test } from "vitest";
import { runFolderOf } from "./files.ts";

test("a run is named after its data, and where these are a pattern after the folder", () => {
  expect(["book.txt", "a/b/chats.jsonl", "texts", "texts/", "data/*.jsonl", "data/{a,b}.csv"].map(runFolderOf)).toEqual(
    ["runs/book", "runs/chats", "runs/texts", "runs/texts", "runs/data", "runs/data"],
  );
});
