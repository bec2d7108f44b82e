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
  const letters = fc.stringMatching(/^[ab]{0,12}$/);
  fc.assert(
    fc.property(fc.array(letters), fc.array(fc.stringMatching(/^[ab]{1,4}$/), { maxLength: 3 }), (pieces, stops) => {
      const matcher = new StopMatcher(stops);
      let seen = "";
      for (const piece of pieces) {
        seen += matcher.push(piece);
        if (matcher.stopped) break;
      }
      seen += matcher.flush();
      const whole = pieces.join("");
      const ends = stops.map((stop) => whole.indexOf(stop)).filter((index) => index >= 0);
      // A stop sequence that completes first ends the text, also where a longer one began earlier.
      if (ends.length === 0) expect(seen).toBe(whole);
      else expect(stops.some((stop) => whole.startsWith(seen + stop))).toBe(true);
      expect(stops.some((stop) => seen.includes(stop))).toBe(false);
    }),
  );
});
