import fc from "fast-check";
import { expect, test } from "vitest";
import { StopMatcher } from "./stopping.ts";

test("holds back what may be the beginning of a stop sequence", () => {
  const matcher = new StopMatcher(["\n\nQ:"]);
  expect(matcher.push("An answer.")).toBe("An answer.");
  expect(matcher.push("\n")).toBe("");
  expect(matcher.push("More.\n\n")).toBe("\nMore.");
  expect(matcher.push("Q: next")).toBe("");
  expect(matcher.stopped).toBe(true);
  expect(matcher.push("never")).toBe("");
});

test("gives back what was held when no more comes", () => {
  const matcher = new StopMatcher(["END"]);
  expect(matcher.push("the E")).toBe("the ");
  expect(matcher.flush()).toBe("E");
  expect(matcher.stopped).toBe(false);
});

test("gives the text before the first stop sequence, however the text is cut", () => {
  const letters = fc.constantFrom("a", "b");
  const texts = fc.array(fc.string({ unit: letters, maxLength: 12, size: "max" }), { maxLength: 20, size: "max" });
  const sequences = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 8, size: "max" }), { maxLength: 3, size: "max" });
  const seen = { ended: 0, whole: 0, "a stop sequence in two pieces": 0 };
  let max = 0;
  fc.assert(
    fc.property(texts, sequences, (pieces, stops) => {
      const matcher = new StopMatcher(stops);
      let given = "";
      for (const piece of pieces) {
        given += matcher.push(piece);
        if (matcher.stopped) break;
      }
      given += matcher.flush();
      const whole = pieces.join("");
      const ends = stops.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0);
      // A stop sequence that completes first ends the text, also where a longer one began earlier.
      if (ends.length === 0) expect(given).toBe(whole);
      else expect(stops.some((stop) => whole.startsWith(given + stop))).toBe(true);
      expect(stops.some((stop) => given.includes(stop))).toBe(false);
      max = Math.max(max, pieces.length);
      seen[ends.length === 0 ? "whole" : "ended"]++;
      if (ends.length > 0 && !pieces.some((piece) => stops.some((stop) => piece.includes(stop)))) seen["a stop sequence in two pieces"]++;
    }),
    { numRuns: 1000 },
  );
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(10);
  expect(max).toBeGreaterThan(12);
});
