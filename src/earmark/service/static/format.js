// Times and sizes as people read them.

import { language } from "./i18n.js";

/** 75.5 -> "1:15.5"; hours only where there are any. */
export function clock(seconds, digits = 1) {
  const unit = 10 ** digits;
  const all = Math.max(0, Math.round(seconds * unit));
  const whole = Math.floor(all / unit);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const part = digits ? `.${String(all % unit).padStart(digits, "0")}` : "";
  const minutes = h ? `${h}:${String(m).padStart(2, "0")}` : String(m);
  return `${minutes}:${String(s).padStart(2, "0")}${part}`;
}

export function size(bytes) {
  const [unit, by] = bytes >= 1e9 ? ["gigabyte", 1e9] : ["megabyte", 1e6];
  return new Intl.NumberFormat(language(), { style: "unit", unit, maximumFractionDigits: 1 }).format(bytes / by);
}

export const day = (seconds) =>
  new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(seconds * 1000));

export const hour = (milliseconds) => new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(new Date(milliseconds));

/** Bytes of base64 text. */
export const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
