import assert from 'node:assert/strict';
import test from 'node:test';
import { monthName, quantityText } from './quantities.ts';

test('a quantity is said in a unit that shows it', () => {
  const text = (dimension: 'modelUnitHours' | 'modelStorageMonths' | 'imagesDrawn', unit: string, quantity: number) =>
    quantityText({ dimension, unit, quantity });
  assert.equal(text('imagesDrawn', 'images', 1), '1 image');
  assert.equal(text('imagesDrawn', 'images', 12_345), '12,345 images');
  assert.equal(text('modelUnitHours', 'hours', 0), '0 h');
  assert.equal(text('modelUnitHours', 'hours', 0.00264), '10 s');
  assert.equal(text('modelUnitHours', 'hours', 0.5), '30 min');
  assert.equal(text('modelUnitHours', 'hours', 1234.56), '1,234.6 h');
  assert.equal(text('modelStorageMonths', 'months', 0), '0 months');
  assert.equal(text('modelStorageMonths', 'months', 0.00004), 'Less than 0.01 months');
  assert.equal(text('modelStorageMonths', 'months', 1.005), '1.01 months');
});

test('a month is called by its name', () => {
  assert.equal(monthName('2026-11'), 'November 2026');
});
