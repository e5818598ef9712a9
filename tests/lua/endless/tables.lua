-- a table that is full to the last place, and rebuilt for each new key
local t = {}
for i = 1, 2 ^ 16 do t[i + 0.5] = 1 end
local a, b = 1.5, -1.5
while true do
  t[a] = nil
  t[b] = 1
  a, b = b, b - 1
end
---
-- the same, as large as the memory allows
local t = {}
for i = 1, 2 ^ 18 do t[i + 0.5] = 1 end
local a, b = 1.5, -1.5
while true do
  t[a] = nil
  t[b] = 1
  a, b = b, b - 1
end
---
-- the same, in a line without loops
local t = {}
for i = 1, 2 ^ 15 - 1 do t[i + 0.5] = 1 end
t.k0 = 1
t.k0 = nil t.k1 = 1 t.k1 = nil t.k2 = 1 t.k2 = nil t.k3 = 1 t.k3 = nil t.k4 = 1 t.k4 = nil t.k5 = 1 t.k5 = nil t.k6 =
1 t.k6 = nil t.k7 = 1 t.k7 = nil t.k8 = 1 t.k8 = nil t.k9 = 1 t.k9 = nil t.ka = 1 t.ka = nil t.kb = 1 t.kb = nil t.kc
= 1 t.kc = nil t.kd = 1 t.kd = nil t.ke = 1 t.ke = nil t.kf = 1 t.kf = nil t.k10 = 1 t.k10 = nil t.k11 = 1 t.k11 = nil
t.k12 = 1 t.k12 = nil t.k13 = 1 t.k13 = nil t.k14 = 1 t.k14 = nil t.k15 = 1 t.k15 = nil t.k16 = 1 t.k16 = nil t.k17 =
1 t.k17 = nil t.k18 = 1 t.k18 = nil t.k19 = 1 t.k19 = nil t.k1a = 1 t.k1a = nil t.k1b = 1 t.k1b = nil t.k1c = 1 t.k1c
= nil t.k1d = 1 t.k1d = nil t.k1e = 1 t.k1e = nil t.k1f = 1 t.k1f = nil t.k20 = 1 t.k20 = nil t.k21 = 1 t.k21 = nil
t.k22 = 1 t.k22 = nil t.k23 = 1 t.k23 = nil t.k24 = 1 t.k24 = nil t.k25 = 1 t.k25 = nil t.k26 = 1 t.k26 = nil t.k27 =
1 t.k27 = nil t.k28 = 1 t.k28 = nil t.k29 = 1 t.k29 = nil t.k2a = 1 t.k2a = nil t.k2b = 1 t.k2b = nil t.k2c = 1 t.k2c
= nil t.k2d = 1 t.k2d = nil t.k2e = 1 t.k2e = nil t.k2f = 1 t.k2f = nil t.k30 = 1 t.k30 = nil t.k31 = 1 t.k31 = nil
t.k32 = 1 t.k32 = nil t.k33 = 1 t.k33 = nil t.k34 = 1 t.k34 = nil t.k35 = 1 t.k35 = nil t.k36 = 1 t.k36 = nil t.k37 =
1 t.k37 = nil t.k38 = 1 t.k38 = nil t.k39 = 1 t.k39 = nil t.k3a = 1 t.k3a = nil t.k3b = 1 t.k3b = nil t.k3c = 1 t.k3c
= nil t.k3d = 1 t.k3d = nil t.k3e = 1 t.k3e = nil t.k3f = 1 t.k3f = nil t.k40 = 1 t.k40 = nil t.k41 = 1 t.k41 = nil
t.k42 = 1 t.k42 = nil t.k43 = 1 t.k43 = nil t.k44 = 1 t.k44 = nil t.k45 = 1 t.k45 = nil t.k46 = 1 t.k46 = nil t.k47 =
1 t.k47 = nil t.k48 = 1 t.k48 = nil t.k49 = 1 t.k49 = nil t.k4a = 1 t.k4a = nil t.k4b = 1 t.k4b = nil t.k4c = 1 t.k4c
= nil t.k4d = 1 t.k4d = nil t.k4e = 1 t.k4e = nil t.k4f = 1 t.k4f = nil t.k50 = 1 t.k50 = nil t.k51 = 1 t.k51 = nil
t.k52 = 1 t.k52 = nil t.k53 = 1 t.k53 = nil t.k54 = 1 t.k54 = nil t.k55 = 1 t.k55 = nil t.k56 = 1 t.k56 = nil t.k57 =
1 t.k57 = nil t.k58 = 1 t.k58 = nil t.k59 = 1 t.k59 = nil t.k5a = 1 t.k5a = nil t.k5b = 1 t.k5b = nil t.k5c = 1 t.k5c
= nil t.k5d = 1 t.k5d = nil t.k5e = 1 t.k5e = nil t.k5f = 1 t.k5f = nil t.k60 = 1 t.k60 = nil t.k61 = 1 t.k61 = nil
t.k62 = 1 t.k62 = nil t.k63 = 1 t.k63 = nil t.k64 = 1 t.k64 = nil t.k65 = 1 t.k65 = nil t.k66 = 1 t.k66 = nil t.k67 =
1 t.k67 = nil t.k68 = 1 t.k68 = nil t.k69 = 1 t.k69 = nil t.k6a = 1 t.k6a = nil t.k6b = 1 t.k6b = nil t.k6c = 1 t.k6c
= nil t.k6d = 1 t.k6d = nil t.k6e = 1 t.k6e = nil t.k6f = 1 t.k6f = nil t.k70 = 1 t.k70 = nil t.k71 = 1 t.k71 = nil
t.k72 = 1 t.k72 = nil t.k73 = 1 t.k73 = nil t.k74 = 1 t.k74 = nil t.k75 = 1 t.k75 = nil t.k76 = 1 t.k76 = nil t.k77 =
1 t.k77 = nil t.k78 = 1 t.k78 = nil t.k79 = 1 t.k79 = nil t.k7a = 1 t.k7a = nil t.k7b = 1 t.k7b = nil t.k7c = 1 t.k7c
= nil t.k7d = 1 t.k7d = nil t.k7e = 1 t.k7e = nil t.k7f = 1 t.k7f = nil t.k80 = 1 t.k80 = nil t.k81 = 1 t.k81 = nil
t.k82 = 1 t.k82 = nil t.k83 = 1 t.k83 = nil t.k84 = 1 t.k84 = nil t.k85 = 1 t.k85 = nil t.k86 = 1 t.k86 = nil t.k87 =
1 t.k87 = nil t.k88 = 1 t.k88 = nil t.k89 = 1 t.k89 = nil t.k8a = 1 t.k8a = nil t.k8b = 1 t.k8b = nil t.k8c = 1 t.k8c
= nil t.k8d = 1 t.k8d = nil t.k8e = 1 t.k8e = nil t.k8f = 1 t.k8f = nil t.k90 = 1 t.k90 = nil t.k91 = 1 t.k91 = nil
t.k92 = 1 t.k92 = nil t.k93 = 1 t.k93 = nil t.k94 = 1 t.k94 = nil t.k95 = 1 t.k95 = nil t.k96 = 1 t.k96 = nil t.k97 =
1 t.k97 = nil t.k98 = 1 t.k98 = nil t.k99 = 1 t.k99 = nil t.k9a = 1 t.k9a = nil t.k9b = 1 t.k9b = nil t.k9c = 1 t.k9c
= nil t.k9d = 1 t.k9d = nil t.k9e = 1 t.k9e = nil t.k9f = 1 t.k9f = nil t.ka0 = 1 t.ka0 = nil t.ka1 = 1 t.ka1 = nil
t.ka2 = 1 t.ka2 = nil t.ka3 = 1 t.ka3 = nil t.ka4 = 1 t.ka4 = nil t.ka5 = 1 t.ka5 = nil t.ka6 = 1 t.ka6 = nil t.ka7 =
1 t.ka7 = nil t.ka8 = 1 t.ka8 = nil t.ka9 = 1 t.ka9 = nil t.kaa = 1 t.kaa = nil t.kab = 1 t.kab = nil t.kac = 1 t.kac
= nil t.kad = 1 t.kad = nil t.kae = 1 t.kae = nil t.kaf = 1 t.kaf = nil t.kb0 = 1 t.kb0 = nil t.kb1 = 1 t.kb1 = nil
t.kb2 = 1 t.kb2 = nil t.kb3 = 1 t.kb3 = nil t.kb4 = 1 t.kb4 = nil t.kb5 = 1 t.kb5 = nil t.kb6 = 1 t.kb6 = nil t.kb7 =
1 t.kb7 = nil t.kb8 = 1 t.kb8 = nil t.kb9 = 1 t.kb9 = nil t.kba = 1 t.kba = nil t.kbb = 1 t.kbb = nil t.kbc = 1 t.kbc
= nil t.kbd = 1 t.kbd = nil t.kbe = 1 t.kbe = nil t.kbf = 1 t.kbf = nil t.kc0 = 1 t.kc0 = nil t.kc1 = 1 t.kc1 = nil
t.kc2 = 1 t.kc2 = nil t.kc3 = 1 t.kc3 = nil t.kc4 = 1 t.kc4 = nil t.kc5 = 1 t.kc5 = nil t.kc6 = 1 t.kc6 = nil t.kc7 =
1 t.kc7 = nil t.kc8 = 1 t.kc8 = nil t.kc9 = 1 t.kc9 = nil t.kca = 1 t.kca = nil t.kcb = 1 t.kcb = nil t.kcc = 1 t.kcc
= nil t.kcd = 1 t.kcd = nil t.kce = 1 t.kce = nil t.kcf = 1 t.kcf = nil t.kd0 = 1 t.kd0 = nil t.kd1 = 1 t.kd1 = nil
t.kd2 = 1 t.kd2 = nil t.kd3 = 1 t.kd3 = nil t.kd4 = 1 t.kd4 = nil t.kd5 = 1 t.kd5 = nil t.kd6 = 1 t.kd6 = nil t.kd7 =
1 t.kd7 = nil t.kd8 = 1 t.kd8 = nil t.kd9 = 1 t.kd9 = nil t.kda = 1 t.kda = nil t.kdb = 1 t.kdb = nil t.kdc = 1 t.kdc
= nil t.kdd = 1 t.kdd = nil t.kde = 1 t.kde = nil t.kdf = 1 t.kdf = nil t.ke0 = 1 t.ke0 = nil t.ke1 = 1 t.ke1 = nil
t.ke2 = 1 t.ke2 = nil t.ke3 = 1 t.ke3 = nil t.ke4 = 1 t.ke4 = nil t.ke5 = 1 t.ke5 = nil t.ke6 = 1 t.ke6 = nil t.ke7 =
1 t.ke7 = nil t.ke8 = 1 t.ke8 = nil t.ke9 = 1 t.ke9 = nil t.kea = 1 t.kea = nil t.keb = 1 t.keb = nil t.kec = 1 t.kec
= nil t.ked = 1 t.ked = nil t.kee = 1 t.kee = nil t.kef = 1 t.kef = nil t.kf0 = 1 t.kf0 = nil t.kf1 = 1 t.kf1 = nil
t.kf2 = 1 t.kf2 = nil t.kf3 = 1 t.kf3 = nil t.kf4 = 1 t.kf4 = nil t.kf5 = 1 t.kf5 = nil t.kf6 = 1 t.kf6 = nil t.kf7 =
1 t.kf7 = nil t.kf8 = 1 t.kf8 = nil t.kf9 = 1 t.kf9 = nil t.kfa = 1 t.kfa = nil t.kfb = 1 t.kfb = nil t.kfc = 1 t.kfc
= nil t.kfd = 1 t.kfd = nil t.kfe = 1 t.kfe = nil t.kff = 1 t.kff = nil t.k100 = 1 t.k100 = nil t.k101 = 1 t.k101 =
nil t.k102 = 1 t.k102 = nil t.k103 = 1 t.k103 = nil t.k104 = 1 t.k104 = nil t.k105 = 1 t.k105 = nil t.k106 = 1 t.k106
= nil t.k107 = 1 t.k107 = nil t.k108 = 1 t.k108 = nil t.k109 = 1 t.k109 = nil t.k10a = 1 t.k10a = nil t.k10b = 1
t.k10b = nil t.k10c = 1 t.k10c = nil t.k10d = 1 t.k10d = nil t.k10e = 1 t.k10e = nil t.k10f = 1 t.k10f = nil t.k110 =
1 t.k110 = nil t.k111 = 1 t.k111 = nil t.k112 = 1 t.k112 = nil t.k113 = 1 t.k113 = nil t.k114 = 1 t.k114 = nil t.k115
= 1 t.k115 = nil t.k116 = 1 t.k116 = nil t.k117 = 1 t.k117 = nil t.k118 = 1 t.k118 = nil t.k119 = 1 t.k119 = nil
t.k11a = 1 t.k11a = nil t.k11b = 1 t.k11b = nil t.k11c = 1 t.k11c = nil t.k11d = 1 t.k11d = nil t.k11e = 1 t.k11e =
nil t.k11f = 1 t.k11f = nil t.k120 = 1 t.k120 = nil t.k121 = 1 t.k121 = nil t.k122 = 1 t.k122 = nil t.k123 = 1 t.k123
= nil t.k124 = 1 t.k124 = nil t.k125 = 1 t.k125 = nil t.k126 = 1 t.k126 = nil t.k127 = 1 t.k127 = nil t.k128 = 1
t.k128 = nil t.k129 = 1 t.k129 = nil t.k12a = 1 t.k12a = nil t.k12b = 1 t.k12b = nil t.k12c = 1 t.k12c = nil t.k12d =
1 t.k12d = nil t.k12e = 1 t.k12e = nil t.k12f = 1 t.k12f = nil t.k130 = 1 t.k130 = nil t.k131 = 1 t.k131 = nil t.k132
= 1 t.k132 = nil t.k133 = 1 t.k133 = nil t.k134 = 1 t.k134 = nil t.k135 = 1 t.k135 = nil t.k136 = 1 t.k136 = nil
t.k137 = 1 t.k137 = nil t.k138 = 1 t.k138 = nil t.k139 = 1 t.k139 = nil t.k13a = 1 t.k13a = nil t.k13b = 1 t.k13b =
nil t.k13c = 1 t.k13c = nil t.k13d = 1 t.k13d = nil t.k13e = 1 t.k13e = nil t.k13f = 1 t.k13f = nil t.k140 = 1 t.k140
= nil t.k141 = 1 t.k141 = nil t.k142 = 1 t.k142 = nil t.k143 = 1 t.k143 = nil t.k144 = 1 t.k144 = nil t.k145 = 1
t.k145 = nil t.k146 = 1 t.k146 = nil t.k147 = 1 t.k147 = nil t.k148 = 1 t.k148 = nil t.k149 = 1 t.k149 = nil t.k14a =
1 t.k14a = nil t.k14b = 1 t.k14b = nil t.k14c = 1 t.k14c = nil t.k14d = 1 t.k14d = nil t.k14e = 1 t.k14e = nil t.k14f
= 1 t.k14f = nil t.k150 = 1 t.k150 = nil t.k151 = 1 t.k151 = nil t.k152 = 1 t.k152 = nil t.k153 = 1 t.k153 = nil
t.k154 = 1 t.k154 = nil t.k155 = 1 t.k155 = nil t.k156 = 1 t.k156 = nil t.k157 = 1 t.k157 = nil t.k158 = 1 t.k158 =
nil t.k159 = 1 t.k159 = nil t.k15a = 1 t.k15a = nil t.k15b = 1 t.k15b = nil t.k15c = 1 t.k15c = nil t.k15d = 1 t.k15d
= nil t.k15e = 1 t.k15e = nil t.k15f = 1 t.k15f = nil t.k160 = 1 t.k160 = nil t.k161 = 1 t.k161 = nil t.k162 = 1
t.k162 = nil t.k163 = 1 t.k163 = nil t.k164 = 1 t.k164 = nil t.k165 = 1 t.k165 = nil t.k166 = 1 t.k166 = nil t.k167 =
1 t.k167 = nil t.k168 = 1 t.k168 = nil t.k169 = 1 t.k169 = nil t.k16a = 1 t.k16a = nil t.k16b = 1 t.k16b = nil t.k16c
= 1 t.k16c = nil t.k16d = 1 t.k16d = nil t.k16e = 1 t.k16e = nil t.k16f = 1 t.k16f = nil t.k170 = 1 t.k170 = nil
t.k171 = 1 t.k171 = nil t.k172 = 1 t.k172 = nil t.k173 = 1 t.k173 = nil t.k174 = 1 t.k174 = nil t.k175 = 1 t.k175 =
nil t.k176 = 1 t.k176 = nil t.k177 = 1 t.k177 = nil t.k178 = 1 t.k178 = nil t.k179 = 1 t.k179 = nil t.k17a = 1 t.k17a
= nil t.k17b = 1 t.k17b = nil t.k17c = 1 t.k17c = nil t.k17d = 1 t.k17d = nil t.k17e = 1 t.k17e = nil t.k17f = 1
t.k17f = nil t.k180 = 1 t.k180 = nil t.k181 = 1 t.k181 = nil t.k182 = 1 t.k182 = nil t.k183 = 1 t.k183 = nil t.k184 =
1 t.k184 = nil t.k185 = 1 t.k185 = nil t.k186 = 1 t.k186 = nil t.k187 = 1 t.k187 = nil t.k188 = 1 t.k188 = nil t.k189
= 1 t.k189 = nil t.k18a = 1 t.k18a = nil t.k18b = 1 t.k18b = nil t.k18c = 1 t.k18c = nil t.k18d = 1 t.k18d = nil
t.k18e = 1 t.k18e = nil t.k18f = 1
while true do end
---
-- keys that all fall on one place
local D = 5e-324
local t = {}
for a = 0, 4095 do t[(a + a * 524288) * D] = 1 end
local k = (5000 + 5000 * 524288) * D
local x
while true do
  x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k]
  x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k]
  x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k] x = t[k]
end
---
-- arguments that are copied for nothing
local function f(...)
  local x
  while true do
    x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...}
    x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...} x = {...}
  end
end
local t = {}
for i = 1, 7000 do t[i] = i end
f(unpack(t))
