import { expect, test } from "vitest";
import { forgetOpened, noteOpened, openedNameOf, repositoryOf } from "./opened-names.ts";

test("what is kept of a repository is opened by the name that it was last opened by", () => {
  expect(openedNameOf("toys/abc")).toBe("toys/abc");
  for (const name of ["toys/abc:Q4_0", "toys/other", "toys/abc/models/abc-q8.gguf@v1/beta"]) noteOpened(name);
  expect(openedNameOf("toys/abc")).toBe("toys/abc/models/abc-q8.gguf@v1/beta");
  expect(openedNameOf("toys/other")).toBe("toys/other");
  noteOpened("toys/abc@main");
  expect(openedNameOf("toys/abc")).toBe("toys/abc@main");
  forgetOpened("toys/abc");
  expect(openedNameOf("toys/abc")).toBe("toys/abc");
});

test("a name is of a repository with a GGUF file, a kind of one, a revision, and with none of them", () => {
  for (const rest of ["", ":Q8_0", ":Q8_0@main", "@v1/beta", "/a/b.gguf", "/a.gguf@main"]) expect(repositoryOf(`toys/abc.d-1${rest}`)).toBe("toys/abc.d-1");
});
