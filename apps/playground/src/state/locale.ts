import { computed, effect } from "@preact/signals";
import { en } from "../i18n/en.ts";
import { zh } from "../i18n/zh.ts";
import { oneOf, stored } from "./stored.ts";

const dictionaries = { en, "zh-CN": zh };

export type Locale = keyof typeof dictionaries;
export const locales = Object.keys(dictionaries) as Locale[];

const ofBrowser: Locale = navigator.languages.find((name) => /^(en|zh)\b/.test(name))?.startsWith("zh") ? "zh-CN" : "en";

export const locale = stored("locale", oneOf(locales), ofBrowser);

/** The texts of the page. */
export const words = computed(() => dictionaries[locale.value]);

const numbers = computed(() => new Intl.NumberFormat(locale.value));
const shortNumbers = computed(() => new Intl.NumberFormat(locale.value, { notation: "compact", maximumSignificantDigits: 3 }));
const ratios = computed(() => new Intl.NumberFormat(locale.value, { minimumFractionDigits: 1, maximumFractionDigits: 1 }));

const percents = computed(() => new Intl.NumberFormat(locale.value, { style: "percent", maximumSignificantDigits: 2 }));
const [leastPercent, mostPercent] = [1e-4, 0.99];
const exactPercents = computed(() => new Intl.NumberFormat(locale.value, { style: "percent", minimumFractionDigits: 2, maximumFractionDigits: 2 }));
const exacts = computed(() => new Intl.NumberFormat(locale.value, { minimumFractionDigits: 4, maximumFractionDigits: 4 }));
const decimals = computed(() => new Intl.NumberFormat(locale.value, { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
const percentChanges = computed(() => new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" }));
const changes = computed(() => new Intl.NumberFormat(locale.value, { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" }));

/** 50,257 */
export const count = (value: number): string => numbers.value.format(value);
/** 117M */
export const short = (value: number): string => shortNumbers.value.format(value);
/** 12%, 0.034%; <0.01% and >99%, where it would round to nothing or to all */
export const percent = (value: number): string => {
  if (value > 0 && value < leastPercent) return `<${percents.value.format(leastPercent)}`;
  return value < 1 && value >= mostPercent + 0.005 ? `>${percents.value.format(mostPercent)}` : percents.value.format(value);
};
/** 12.34%, for those who look closely */
export const exactPercent = (value: number): string => exactPercents.value.format(value);
/** 12.3456, for those who look closely */
export const exact = (value: number): string => exacts.value.format(value);
/** 0.80 */
export const decimal = (value: number): string => decimals.value.format(value);
/** +99.7% */
export const percentChange = (value: number): string => percentChanges.value.format(value);
/** +0.80 */
export const change = (value: number): string => changes.value.format(value);
/** 4.0 */
export const ratio = (value: number): string => ratios.value.format(value);

const unitOf = (unit: string, digits: number) =>
  computed(() => new Intl.NumberFormat(locale.value, { style: "unit", unit, unitDisplay: "short", maximumSignificantDigits: digits }));
const sizes = ["kilobyte", "megabyte", "gigabyte"].map((unit) => unitOf(unit, 3));
const [seconds, minutes, hours] = ["second", "minute", "hour"].map((unit) => unitOf(unit, 2));
const moments = computed(() => new Intl.DateTimeFormat(locale.value, { dateStyle: "short", timeStyle: "short" }));
const twoDigits = computed(() => new Intl.NumberFormat(locale.value, { maximumSignificantDigits: 2 }));

/** 1.3 MB */
export const size = (bytes: number): string => {
  const power = Math.min(2, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3) - 1));
  return sizes[power].value.format(bytes / 1000 ** (power + 1));
};
/** 45 sec, 3 min, 2 hr */
export const duration = (value: number): string =>
  value < 90 ? seconds.value.format(Math.max(1, Math.round(value))) : value < 5400 ? minutes.value.format(value / 60) : hours.value.format(value / 3600);
/** 11/30/26, 9:15 PM */
export const time = (milliseconds: number): string => moments.value.format(milliseconds);
/** 0.0013 */
export const small = (value: number): string => twoDigits.value.format(value);

effect(() => {
  document.documentElement.lang = locale.value;
  document.title = words.value.title;
});
