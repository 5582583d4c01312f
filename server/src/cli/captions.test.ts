import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseTable, readCaptions } from './captions.ts';

const expected = [
  { file: 'a.jpg', caption: 'Ron, the dog' },
  { file: 'b.png', caption: 'Ron "the" dog' },
];

describe('a captions file', () => {
  it('reads JSON lines by any of the usual names of its members', () => {
    const text =
      '{"file_name": "a.jpg", "text": "Ron, the dog"}\n\n{"image-ref": "./b.png", "caption": "Ron \\"the\\" dog"}\n';
    assert.deepEqual(readCaptions(text, 'metadata.jsonl'), expected);
  });

  it('reads CSV with quotes, with and without a header, in any order of columns', () => {
    const rows = ['a.jpg,"Ron, the dog"', 'b.png,"Ron ""the"" dog"'];
    assert.deepEqual(readCaptions(rows.join('\r\n'), 'captions.csv'), expected);
    assert.deepEqual(readCaptions(['file_name,caption', ...rows].join('\n'), 'captions.csv'), expected);
    assert.deepEqual(
      readCaptions('caption,id,file\n"Ron, the dog",1,a.jpg\n"Ron ""the"" dog",2,b.png\n', 'captions.csv'),
      expected,
    );
  });

  it('reads tabs, a byte order mark, and URIs of a manifest made elsewhere', () => {
    assert.deepEqual(readCaptions('\uFEFFs3://x/y/a.jpg\tRon, the dog\n', 'captions.tsv'), [expected[0]]);
  });

  it('reads semicolons, as Excel writes them in many countries, where commas are of the captions', () => {
    const rows = ['a.jpg;Ron, the dog', 'b.png;"Ron ""the"" dog"'].join('\r\n');
    assert.deepEqual(readCaptions(rows, 'captions.csv'), expected);
    assert.deepEqual(readCaptions(`\uFEFFfile_name;caption\r\n${rows}`, 'captions.csv'), expected);
  });

  it('reads paths of Windows', () => {
    assert.deepEqual(readCaptions('C:\\my pictures\\a.jpg,x\n.\\ron\\b.jpg,y\n\\\\nas\\c.jpg,z\n', 'captions.csv'), [
      { file: 'a.jpg', caption: 'x' },
      { file: 'ron/b.jpg', caption: 'y' },
      { file: 'c.jpg', caption: 'z' },
    ]);
  });

  it('names the line that it cannot read', () => {
    assert.throws(
      () => readCaptions('{"file_name": "a.jpg", "text": "x"}\n{', 'm.jsonl'),
      /m\.jsonl, line 2: is not JSON/,
    );
    assert.throws(() => readCaptions('{"file_name": "a.jpg"}', 'm.jsonl'), /line 1: needs "file_name" and "caption"/);
    assert.throws(() => readCaptions('a.jpg\n', 'm.csv'), /record 1: needs a file name and a caption/);
    assert.throws(() => readCaptions('file_name,label\na.jpg,x\n', 'm.csv'), /no column of its first line is called/);
  });

  it('gives back any table that was written as RFC 4180 has it', () => {
    const cell = fc.string().filter(text => text.trim() !== '');
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 3 }), { minLength: 1 }), rows => {
        const text = rows.map(row => row.map(value => `"${value.replaceAll('"', '""')}"`).join(',')).join('\r\n');
        assert.deepEqual(parseTable(text, ','), rows);
      }),
    );
  });
});
