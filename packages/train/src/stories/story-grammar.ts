import { compileGrammar } from "./grammar.ts";
import type { Filler } from "./grammar.ts";

function girl(name: string): Filler {
  return { name, child: "girl", they: "she", their: "her" };
}

function boy(name: string): Filler {
  return { name, child: "boy", they: "he", their: "his" };
}

/** The children, for whom `Filler` has pronouns. */
const children = [
  ...["Anna", "Clara", "Emma", "Iris", "Lily", "Nora"].map(girl),
  ...["Ben", "David", "Finn", "Hugo", "Jack", "Max"].map(boy),
];

const animals = [
  ["Gus", "bear"], ["Kiki", "cat"], ["Otto", "owl"], ["Pip", "mouse"], ["Rosie", "rabbit"],
  ["Sam", "squirrel"], ["Toby", "dog"], ["Vera", "fox"], ["Wanda", "goose"], ["Zed", "donkey"],
].map(([name, kind]): Filler => ({ name, kind }));

/**
 * Small stories of a child who wants something, cannot get it alone, and finds a friend: six sentences, in which names
 * recur, pronouns agree with the child, and what is found is what was wanted. Every text has one derivation at most.
 */
export const storyGrammar = compileGrammar({
  roles: {
    hero: children,
    friend: animals,
    color: ["red", "blue", "green", "white", "yellow", "silver"].map((name) => ({ name })),
    thing: ["kite", "lantern", "feather", "shell", "ribbon", "flower", "stone", "bell"].map((name) => ({ name })),
  },
  lists: {
    mood: ["brave", "curious", "cheerful", "shy", "clever", "gentle", "kind", "lively", "quiet", "patient"],
    home: [
      "by the river", "near the old mill", "at the edge of the forest", "on a green hill", "beside the lake",
      "in a quiet village", "above the harbor", "behind the bakery", "below the castle", "far from the city",
    ],
    size: ["small", "big", "wooden", "narrow", "crooked", "cozy", "bright", "round"],
    weather: ["sunny", "windy", "rainy", "foggy", "warm", "cold", "cloudy", "snowy"],
    day: ["morning", "afternoon", "evening", "day"],
    relative: ["mother", "father", "sister", "brother", "grandmother", "uncle", "teacher", "cousin"],
    inside: [
      "in the barn", "in the garden", "in the cellar", "in the attic", "in the market", "in the orchard",
      "in the kitchen", "in the school",
    ],
    under: [
      "under the bridge", "under the stairs", "under the hedge", "under the bench", "under the leaves",
      "under the boat", "under the table", "under the tree",
    ],
    way: ["path", "road", "bridge", "gate", "tunnel", "trail", "valley", "stream"],
    blocked: ["too dark", "too steep", "too narrow", "closed", "full of thorns", "full of mud", "under water", "lost"],
    feeling: ["sad", "tired", "afraid", "lonely", "hungry", "puzzled"],
    doing: ["resting", "singing", "reading", "fishing", "dancing", "waiting", "sleeping", "digging"],
    saying: [
      "I can help you", "I know the way", "let us look together", "do not give up", "come with me",
      "two can do more than one", "you are not alone", "I have an idea",
    ],
    there: [
      "over the hill", "through the reeds", "down to the shore", "into a cave", "around the pond",
      "up to the tower", "across the meadow", "along the stream", "past the windmill", "behind the waterfall",
    ],
    food: ["bread", "apples", "honey", "soup", "cheese", "cake", "berries", "nuts"],
    play: ["sang", "danced", "swam", "read books", "told stories", "built towers", "climbed trees", "played games"],
    season: ["spring", "summer", "autumn", "winter"],
    end: ["until the sun went down", "until the stars came out", "until it was time for bed", "until the moon rose"],
  },
  plot: [
    [
      "{hero} was a [mood] {hero.child} who lived in a [size] house [home].",
      "Once there was a [mood] {hero.child} named {hero} who lived [home].",
      "In a [size] house [home] lived a [mood] {hero.child} named {hero}.",
    ],
    [
      "One [weather] [day] {hero.they} wanted to find a {color} {thing} for {hero.their} [relative].",
      "More than anything, {hero} wanted a {color} {thing} to give to {hero.their} [relative].",
      "On a [weather] [day] {hero.their} [relative] asked {hero} for a {color} {thing}.",
    ],
    [
      "{hero.They} looked [inside] and [under], but {hero.they} found nothing and felt [feeling].",
      "But the [way] was [blocked], and {hero} sat down [under] and felt [feeling].",
      "{hero.They} walked far, but the [way] was [blocked], and soon {hero.they} was [feeling].",
    ],
    [
      'Then {friend} the {friend.kind} came by and said, "{hero}, [saying]."',
      "There {hero.they} met {friend} the {friend.kind}, who was [doing] [under].",
      '"Hello, {hero}, [saying]," said {friend} the {friend.kind}, who was [doing] there.',
    ],
    [
      "Together {hero} and {friend} went [there], and there lay the {color} {thing}.",
      "{friend} led {hero} [there], where they saw the {color} {thing} [under].",
      "The {friend.kind} took {hero} [there], and {hero.they} found the {color} {thing}.",
    ],
    [
      "{hero} thanked {friend}, and they shared [food] and [play] [end].",
      "From that [day] on, {hero} and {friend} [play] together every [season].",
      "{hero.They} hugged {friend}, and the two of them ate [food] [under] [end].",
    ],
  ],
});
