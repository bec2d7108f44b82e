import { capital, drawsOf, words } from "./draw.ts";
import type { Draw } from "./draw.ts";
import type { ChatRecord } from "./records.ts";

const dishes = ["tea", "soup", "cake", "bread", "cheese", "juice", "salad", "pie", "rice", "fish"];
const counts = ["one", "two", "three", "four", "five"];

/** Talks in an inn that lists its prices: each answer needs what the list or an earlier turn says. The last one is asked for. */
export function* dialogues(seed: number): Generator<ChatRecord> {
  const draw = drawsOf(seed);
  for (;;) {
    const name = capital(words(draw, 1, "bdfgklmnprstvz", "aeiou")[0]);
    const menu = draw.sample(4, dishes).map((dish) => ({ dish, price: 2 + draw.below(18) }));
    const [ordered, asked] = draw.sample(2, menu);
    const order = `${draw.of(counts)} ${ordered.dish}`;
    const turns = [
      [draw.of(["Hello, I am NAME.", "Good day! My name is NAME."]).replace("NAME", name), `Welcome, ${name}. What would you like?`],
      [draw.of(["I would like ORDER, please.", "Bring me ORDER.", "ORDER, please."]).replace("ORDER", order), `${capital(order)}, gladly.`],
      [draw.of(["What does the DISH cost?", "And the DISH, how much is it?"]).replace("DISH", asked.dish), `The ${asked.dish} costs ${asked.price} coins.`],
    ];
    yield {
      messages: [
        { role: "system", content: `Prices: ${menu.map(({ dish, price }) => `${dish} ${price}`).join(", ")}.` },
        ...[...turns, lastTurn(draw, name, order, asked.dish)].flatMap(([user, assistant]) => [
          { role: "user" as const, content: user }, { role: "assistant" as const, content: assistant },
        ]),
      ],
    };
  }
}

function lastTurn(draw: Draw, name: string, order: string, asked: string): readonly [string, string] {
  return draw.of([
    ["What did I order?", `You ordered ${order}, ${name}.`],
    ["Do you remember my name?", `Your name is ${name}.`],
    ["I take that too.", `${capital(order)} and one ${asked}, gladly.`],
    ["No, thank you.", `Then ${order} it is, ${name}.`],
  ] as const);
}
