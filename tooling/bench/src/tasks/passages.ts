import { capital, drawsOf, words } from "./draw.ts";
import type { Draw } from "./draw.ts";
import type { WritingRecord } from "./records.ts";

/** What is told of a person, and how it is asked for. Names and places are made anew for each passage. */
const facts: readonly { readonly value: (draw: Draw) => string; readonly tell: readonly string[]; readonly ask: readonly string[] }[] = [
  {
    value: (draw) => capital(words(draw, 1, "bdfgklmnprstvz", "aeiou", draw.of(["", "n", "burg", "ton"]))[0]),
    tell: ["NAME lives in VALUE.", "The home of NAME is VALUE.", "NAME moved to VALUE."],
    ask: ["Where does NAME live?", "In which town is NAME at home?"],
  },
  {
    value: (draw) => draw.of(["baker", "nurse", "pilot", "tailor", "farmer", "singer", "judge", "miner", "painter", "sailor", "teacher", "smith"]),
    tell: ["NAME works as a VALUE.", "NAME became a VALUE.", "By trade NAME is a VALUE."],
    ask: ["What is the trade of NAME?", "What does NAME work as?"],
  },
  {
    value: (draw) => String(18 + draw.below(72)),
    tell: ["NAME is VALUE years old.", "NAME turned VALUE this year."],
    ask: ["How old is NAME?", "What is the age of NAME?"],
  },
  {
    value: (draw) => draw.of(["a dog", "a cat", "two geese", "a horse", "three goats", "a parrot", "a tortoise", "some bees"]),
    tell: ["NAME keeps VALUE.", "At home NAME has VALUE."],
    ask: ["Which animals does NAME keep?", "What animals does NAME have?"],
  },
];

/** Passages of some persons, a question, and the part of the passage that answers it. */
export function* questions(seed: number): Generator<WritingRecord> {
  const draw = drawsOf(seed);
  for (;;) {
    const persons = words(draw, 2 + draw.below(2), "bdfgklmnprstvz", "aeiou").map(capital);
    const told = persons.flatMap((name) => draw.sample(2 + draw.below(2), facts).map((fact) => ({ name, fact, value: fact.value(draw) })));
    const passage = draw.shuffled(told).map(({ name, fact, value }) => draw.of(fact.tell).replace("NAME", name).replace("VALUE", value));
    const { name, fact, value } = draw.of(told);
    yield { prompt: `${passage.join(" ")}\n${draw.of(fact.ask).replace("NAME", name)}\n`, completion: value };
  }
}
