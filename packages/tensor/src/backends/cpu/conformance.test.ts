import { expect, test } from "vitest";
import { describeReport, reportOfChromium } from "../../../scripts/conformance/places.ts";
import { checkCase, conformanceCases } from "../../testing/index.ts";
import { cpu } from "./index.ts";

const backend = await cpu();

test.each(conformanceCases())("$kernel: $name", async (subject) => {
  await checkCase(subject, backend);
  expect(backend.memory.liveBuffers).toBe(0);
});

describeReport("in a page of Chromium", { backend: "cpu" }, (setup) => reportOfChromium(setup, { thread: "page" }));
