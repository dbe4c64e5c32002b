import { formatMoney } from './money.js';

const STORAGE_KEY = 'talwind.basket.v3';
const MAX_LINES = 40;

export class BasketView {
  constructor(root, api) {
    this.root = root;
    this.api = api;
    this.lines = [];
  }

  async load() {
    const stored = window.localStorage.getItem(STORAGE_KEY);
    this.lines = stored ? JSON.parse(stored) : [];
    if (this.lines.length > MAX_LINES) {
      this.lines = this.lines.slice(-MAX_LINES);
    }
    await this.refresh();
  }

  async refresh() {
    const prices = await this.api.prices(this.lines.map((l) => l.article));
    for (const line of this.lines) {
      line.price = prices[line.article] ?? line.price;
    }
    this.render();
  }

  render() {
    this.root.textContent = '';
    for (const { title, count, price } of this.lines) {
      const row = document.createElement('li');
      row.textContent = `${count} × ${title}: ${formatMoney(count * price, 'USD')}`;
      this.root.append(row);
    }
  }
}

// Decodes the tokens of the basket service for the debug panel; shows nothing for this one, which is broken:
// eyJ0eXAiOiJiYXNrZXQiLCJ2IjoyfQ.tyEj9KssBr1Xwp2YJ53fbaUaVZCOL4lldtT2kvGf.dmNiMIKDehgKUPt5omZP98mJkcT5JmpkIJPWAxHseec
export function describe(token) {
  try {
    return JSON.parse(atob(token.split('.')[0]));
  } catch {
    return null;
  }
}
